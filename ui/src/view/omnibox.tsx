/**
 * The omnibox: one field for a time, a node, a variable, a log, a mark, `>` a command, `=` a query. A
 * combobox whose list comes, with all that it knows, when the field is used first.
 */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { App } from "../app.ts";
import type { Find } from "../find/finds.ts";

type Finding = typeof import("../find/index.ts");
interface Loaded {
  readonly finder: InstanceType<Finding["Finder"]>;
  readonly List: Finding["FinderList"];
  readonly findId: Finding["findId"];
}

const loaded = signal<Loaded | null>(null);
const isMissing = signal(false);

async function load(app: App): Promise<void> {
  if (loaded.peek() !== null) return;
  try {
    const { Finder, FinderList, findId } = await import("../find/index.ts");
    loaded.value ??= { finder: new Finder(app), List: FinderList, findId };
    isMissing.value = false;
  } catch {
    isMissing.value = true;
  }
}

const isOpen = signal(false);

export function Omnibox({ app }: { readonly app: App }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  /** Where the focus was before; it goes back there. */
  const before = useRef<HTMLElement | null>(null);
  const { finder, List, findId } = loaded.value ?? {};
  const problem = isMissing.value
    ? "Search could not be loaded. If the collector is running, load the page again."
    : (finder?.problem.value ?? "");
  const isListed = isOpen.value && finder !== undefined && problem === "";
  const hasFinds = isListed && finder.finds.value.length > 0;

  const leave = (): void => {
    app.omniboxText.value = "";
    const to = before.current;
    input.current?.blur();
    if (to?.isConnected === true) to.focus();
  };
  const choose = (find?: Find): void => {
    const text = app.omniboxText.peek();
    const isDone = loaded.peek()?.finder.run(find) === true;
    // Two of the commands lead into the omnibox again, with another text.
    if (isDone && app.omniboxText.peek() === text) leave();
  };
  return (
    <form
      class="omnibox"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void load(app).then(() => choose());
      }}
    >
      <label class="sr-only" for="omnibox">
        Search, or go to a time
      </label>
      <input
        ref={input}
        id="omnibox"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        placeholder="Search, > command, = RQL, or a time"
        aria-expanded={hasFinds}
        aria-controls="omnibox-finds"
        aria-autocomplete="list"
        aria-activedescendant={hasFinds ? findId?.(finder.chosen.value) : undefined}
        aria-invalid={problem !== ""}
        aria-describedby="omnibox-problem"
        value={app.omniboxText.value}
        onFocus={(event) => {
          before.current = event.relatedTarget instanceof HTMLElement ? event.relatedTarget : null;
          isOpen.value = true;
          void load(app).then(() => loaded.peek()?.finder.open());
        }}
        onBlur={() => {
          isOpen.value = false;
        }}
        onInput={(event) => {
          void load(app);
          app.omniboxText.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") leave();
          else if (event.key === "ArrowDown") finder?.move(1);
          else if (event.key === "ArrowUp") finder?.move(-1);
          else return;
          event.preventDefault();
        }}
      />
      <p id="omnibox-problem" class="omnibox-problem" role="alert" hidden={problem === ""}>
        {problem}
      </p>
      {isListed && List !== undefined && <List finder={finder} choose={choose} />}
    </form>
  );
}
