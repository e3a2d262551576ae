/** The list below the omnibox: what fits, in groups; and, while nothing is typed, what could be. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { plural } from "../scale/time-words.ts";
import type { Finder } from "./finder.ts";
import type { Find } from "./finds.ts";

/** The element of one find; `aria-activedescendant` names it. */
export const findId = (place: number): string => `find-${place}`;

interface ListProps {
  readonly finder: Finder;
  /** Runs it, and leaves the omnibox. */
  readonly choose: (find: Find) => void;
}

export function FinderList({ finder, choose }: ListProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const groups = finder.groups.value;
  const chosen = finder.chosen.value;
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen, groups]);
  let place = 0;
  return (
    <div class="finds">
      <div
        id="omnibox-finds"
        ref={list}
        class="find-list"
        role="listbox"
        aria-label="Found"
        // The focus stays in the field, as the pattern of a combobox has it.
        onMouseDown={(event) => event.preventDefault()}
      >
        {groups.map(({ title, finds, moreCount }) => (
          <div key={title} role="group" aria-label={title}>
            <p class="find-title" role="presentation">
              {title}
              {moreCount > 0 && <span> {plural(moreCount, "more")}: type on</span>}
            </p>
            {finds.map((find) => (
              <FindLine key={find.id} find={find} place={place++} chosen={chosen} choose={choose} />
            ))}
          </div>
        ))}
      </div>
      <p class="find-ways" aria-hidden="true">
        <kbd>&gt;</kbd> commands <kbd>=</kbd> RQL <kbd>-5s</kbd> <kbd>16:00:00.123</kbd> a time, in
        UTC; else nodes, variables, logs, marks
      </p>
    </div>
  );
}

interface LineProps {
  readonly find: Find;
  readonly place: number;
  readonly chosen: number;
  readonly choose: (find: Find) => void;
}

function FindLine({ find, place, chosen, choose }: LineProps): JSX.Element {
  return (
    <button
      type="button"
      tabIndex={-1}
      id={findId(place)}
      class="find"
      role="option"
      aria-selected={place === chosen}
      onClick={() => choose(find)}
    >
      <span class="find-name">{find.name}</span>
      {find.beside !== "" && <span class="find-beside">{find.beside}</span>}
      {find.keys?.map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </button>
  );
}
