/**
 * Keys, by physical position, so that WASD lies under the same fingers on every layout; silent while
 * typing. What they run is in commands.ts, and which of them do in key-map.ts.
 */
import type { App } from "../app.ts";
import { COMMANDS } from "./commands.ts";
import { cycleRegions } from "./focus.ts";
import { commandsByKey } from "./key-map.ts";

export function listenToKeys(app: App): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || app.isHelpOpen.peek()) return;
    if (event.code === "F6") {
      event.preventDefault();
      cycleRegions(event.shiftKey ? -1 : 1);
      return;
    }
    const withControl = event.ctrlKey || event.metaKey;
    // The innermost: the editor of queries is in a shadow root, and only its host is the target.
    const [innermost] = event.composedPath();
    const target = innermost instanceof Element ? innermost : null;
    if (!withControl && (isTyping(target) || hasOwnWork(event.code, target))) return;
    const byKey = commandsByKey(app.keyChoices.peek());
    // By position; only ? and / lie elsewhere on every layout and are meant as characters.
    const character = withControl || event.key.length > 1 ? undefined : byKey.get(event.key);
    const name = character ?? byKey.get(keyName(event));
    if (name === undefined) return;
    event.preventDefault();
    COMMANDS[name].run(app);
  });
}

/** A key as commands name it. */
export function keyName(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return control + (event.shiftKey ? "Shift+" : "") + event.code;
}

function isTyping(target: Element | null): boolean {
  return target?.closest("input, textarea, select, [contenteditable]") != null;
}

/**
 * Arrows step the cut from wherever the last click left the focus, so that a drag is followed by
 * steps. Only what has a use for the key itself keeps it: it says so by `preventDefault`, or it
 * scrolls that way, or is pressed by it.
 */
function hasOwnWork(code: string, target: Element | null): boolean {
  if (target === null || target === document.body) return false;
  if (code === "Space") return target.closest("button, a, summary, [role=tab], .panel") !== null;
  if (code === "Home" || code === "End") return target.closest(".panel") !== null;
  if (code === "ArrowLeft" || code === "ArrowRight") {
    return target.closest('[tabindex="0"]') === target && target.scrollWidth > target.clientWidth;
  }
  return false;
}
