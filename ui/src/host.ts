/**
 * Adapter: the only file that touches the browser's clock, timers, animation frames, network and
 * address. Everything else is handed a `Host`, so that tests run on one made by hand.
 */

/** What the page needs from the browser around it. */
export interface Host {
  /** Milliseconds that never go back; for measuring waits. */
  nowMs(): number;
  /** Runs once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Runs before the next repaint. */
  frame(run: (atMs: number) => void): void;
  fetch(path: string, init: RequestInit): Promise<Response>;
  /** The fragment of the address, without `#`. */
  readFragment(): string;
  /** `push` makes an entry that the Back button returns to. */
  writeFragment(fragment: string, push: boolean): void;
  /** Calls back when the user edits the address or goes back or forward. */
  onFragment(run: (fragment: string) => void): void;
  /** Calls back at once and whenever the page comes into sight, or goes out of it. */
  onShown(run: (isShown: boolean) => void): void;
  /** What this browser keeps under a name; null where it keeps nothing, or may not. */
  readPreference(name: string): string | null;
  writePreference(name: string, text: string): void;
  /** Where services should send their batches: this page's own origin. */
  readonly origin: string;
}

export function browserHost(): Host {
  return {
    nowMs: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    frame: (run) => void requestAnimationFrame(run),
    fetch: (path, init) => fetch(path, init),
    readFragment: () => location.hash.slice(1),
    writeFragment(fragment, push) {
      const address = fragment === "" ? location.pathname : `#${fragment}`;
      if (push) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    },
    onFragment(run) {
      addEventListener("popstate", () => run(location.hash.slice(1)));
    },
    onShown(run) {
      const tell = () => run(document.visibilityState !== "hidden");
      document.addEventListener("visibilitychange", tell);
      tell();
    },
    readPreference(name) {
      try {
        return localStorage.getItem(name);
      } catch {
        return null; // forbidden by the person: everything is as built
      }
    },
    writePreference(name, text) {
      try {
        localStorage.setItem(name, text);
      } catch {
        // Forbidden, or full: it holds until the page is closed.
      }
    },
    origin: location.origin,
  };
}
