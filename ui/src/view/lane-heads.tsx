/**
 * Left of the lanes: services that fold, nodes that can be chosen, and what is wrong with them.
 * One stop of the Tab key for all of them; ↑ ↓ Home End walk from one to the next.
 */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import type { App } from "../app.ts";
import { walkFocus } from "../input/walk-focus.ts";
import type { AbsentRow, HeadingRow, HiddenRow, LaneRow, Row } from "../model/lane-layout.ts";
import type { NodeFacts } from "../model/nodes.ts";
import { reasonLabel } from "../model/reasons.ts";
import { bendText } from "../model/shown-cut.ts";
import { plural } from "../scale/time-words.ts";

export function LaneHeads({ app }: { readonly app: App }): JSX.Element {
  /** The row that Tab comes to. */
  const stop = useSignal("");
  const { rows } = app.layout.value;
  const ids = rows.map(idOf);
  const current = ids.includes(stop.value) ? stop.value : ids[0];
  return (
    <ul class="lane-heads" aria-label="Services and nodes" onKeyDown={walk}>
      {rows.map((row, place) => {
        const id = ids[place] as string;
        const head = { app, id, stop, isStop: id === current };
        if (row.type === "heading") return <Heading key={id} {...head} row={row} />;
        if (row.type === "absent") return <Absent key={id} {...head} row={row} />;
        if (row.type === "hidden") return <Hidden key={id} {...head} row={row} />;
        return <LaneHead key={id} {...head} row={row} />;
      })}
    </ul>
  );
}

interface HeadProps<Kind extends Row> {
  readonly app: App;
  readonly row: Kind;
  readonly id: string;
  readonly stop: Signal<string>;
  readonly isStop: boolean;
}

function idOf(row: Row): string {
  if (row.type === "heading") return `service ${row.service}`;
  return row.type === "lane" ? `lane ${row.nodes[0]?.node}` : row.type;
}

/** Alt+↑ ↓ move the lane, Alt+Home pins it to the top, Delete hides it. */
function moveLane(app: App, node: string, event: TargetedKeyboardEvent<HTMLButtonElement>): void {
  const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : undefined;
  if (by !== undefined && event.altKey) app.laneVerbs.move(node, by, app.layout.peek());
  else if (event.key === "Home" && event.altKey) app.laneVerbs.togglePinned(node);
  else if (event.key === "Delete") app.laneVerbs.hide(node);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Among the heads; the tools on a lane are left out, as its keys do the same. */
function walk(event: TargetedKeyboardEvent<HTMLUListElement>): void {
  const heads = [...event.currentTarget.querySelectorAll<HTMLElement>("button")].filter(
    (button) => button.closest(".lane-tools") === null,
  );
  walkFocus(event, heads);
}

function tabStop({ id, stop, isStop }: HeadProps<Row>): {
  tabIndex: number;
  onFocus: () => void;
} {
  return {
    tabIndex: isStop ? 0 : -1,
    onFocus: () => {
      stop.value = id;
    },
  };
}

function Heading(props: HeadProps<HeadingRow>): JSX.Element {
  const { app, row } = props;
  return (
    <li class="lane-heading">
      <button
        {...tabStop(props)}
        type="button"
        aria-expanded={!row.isFolded}
        title={row.isFolded ? "Unfold" : "Fold into one lane"}
        onClick={() => app.verbs.toggleFold(row.service)}
      >
        <span class="chevron" aria-hidden="true" />
        <span class="name">{row.service}</span>
        <span class="count">{row.nodeCount}</span>
      </button>
    </li>
  );
}

function LaneHead(props: HeadProps<LaneRow>): JSX.Element | null {
  const { app, row } = props;
  const [node] = row.nodes;
  if (node === undefined) return null;
  if (row.nodes.length > 1) {
    return (
      <li class="lane-head folded">
        <span class="swatches" aria-hidden="true">
          {row.nodes.slice(0, 6).map(({ node: id, hue }) => (
            <i key={id} class={`swatch hue-${hue}`} />
          ))}
        </span>
        <span class="name">{plural(row.nodes.length, "node")}</span>
      </li>
    );
  }
  const isSelected = app.choices.selectedNode.value === node.node;
  return (
    <li class="lane-head">
      <button
        {...tabStop(props)}
        type="button"
        aria-pressed={isSelected}
        title={
          isSelected
            ? "State, events and steps keep to this node; click to see all again"
            : "Keep state, events and steps to this node"
        }
        onClick={() => app.verbs.selectNode(node.node)}
        onKeyDown={(event) => moveLane(app, node.node, event)}
      >
        <i class={`swatch hue-${node.hue}`} aria-hidden="true" />
        <span class="name">{node.node}</span>
        <NodeSign app={app} node={node} />
      </button>
      <LaneTools app={app} node={node.node} />
      <TrackNames app={app} node={node.node} />
    </li>
  );
}

/** Seen while the head is pointed at or holds the focus. Keys on the head do the same: see `moveLane`. */
function LaneTools({ app, node }: { readonly app: App; readonly node: string }): JSX.Element {
  const isPinned = app.choices.lanes.value.pinned.includes(node);
  return (
    <span class="lane-tools">
      <button
        type="button"
        tabIndex={-1}
        aria-pressed={isPinned}
        aria-label={`Pin ${node} to the top`}
        title={isPinned ? "Back to its service" : "Pin to the top"}
        onClick={() => app.laneVerbs.togglePinned(node)}
      >
        {isPinned ? "★" : "☆"}
      </button>
      <button
        type="button"
        tabIndex={-1}
        aria-label={`Hide ${node}`}
        title="Hide; messages through it are drawn dashed"
        onClick={() => app.laneVerbs.hide(node)}
      >
        ✕
      </button>
    </span>
  );
}

function Hidden(props: HeadProps<HiddenRow>): JSX.Element {
  const { app, row } = props;
  const { filter } = app.choices.lanes.value;
  return (
    <li class="lane-absent">
      <span>
        {plural(row.count, "lane")} {filter === "" ? "hidden" : `not like “${filter}”`}
      </span>
      <button
        {...tabStop(props)}
        type="button"
        class="tool"
        aria-label="Show all lanes"
        onClick={() => app.laneVerbs.showAll()}
      >
        Show
      </button>
    </li>
  );
}

/** Beside the state tracks: what they show. The values themselves are in State, for everybody. */
function TrackNames({
  app,
  node,
}: {
  readonly app: App;
  readonly node: string;
}): JSX.Element | null {
  const pins = app.tracks.value;
  if (pins.length === 0) return null;
  const logs = app.shownCut.value?.json.nodes[node]?.logs ?? {};
  return (
    <div class="track-names" aria-hidden="true">
      {pins.map(({ log, key }) => (
        <span key={`${log}\n${key}`} title={`${log} / ${key}`}>
          {Object.hasOwn(logs, log) && (
            <>
              <span class="log">{log} /</span> {key}
            </>
          )}
        </span>
      ))}
    </div>
  );
}

function Absent(props: HeadProps<AbsentRow>): JSX.Element {
  const { app, row } = props;
  return (
    <li class="lane-absent">
      <span>{plural(row.count, "node")} not there in this view</span>
      <button
        {...tabStop(props)}
        type="button"
        class="tool"
        aria-expanded={row.isShown}
        aria-label={row.isShown ? "Hide nodes not there" : "Show nodes not there"}
        onClick={() => app.verbs.toggleAbsent()}
      >
        {row.isShown ? "Hide" : "Show"}
      </button>
    </li>
  );
}

/** What the cut says about the node, else its own state where that is not plainly live. */
function NodeSign({
  app,
  node,
}: {
  readonly app: App;
  readonly node: NodeFacts;
}): JSX.Element | null {
  const cut = app.shownCut.value;
  const bent = cut === null ? undefined : bendText(cut, node.node);
  if (bent !== undefined) {
    // Beside a bend that is drawn; the name needs the room.
    return (
      <span class="sign warn" title="The cut is bent here">
        <span class="sr-only">bent </span>
        {bent}
      </span>
    );
  }
  const missing = cut?.json.incomplete.find((one) => one.node === node.node);
  if (missing !== undefined) return <span class="sign warn">{reasonLabel(missing.reason)}</span>;
  return node.status === "live" ? null : <span class="sign">{node.status}</span>;
}
