/**
 * The address: a view as the text behind `#`, and back. Only what differs from the defaults is
 * written, so that an untouched page has a clean address.
 *
 *     #v=1&from=0199…&to=0199…&cut=0199…&cut1=0199…&tab=diff&node=n1&event=n1/5/17@0199…&fold=kv
 *     &mark=0199…&here=0199…
 *     &heat=1&box=0199…-0199…-8192-16384
 *     &pin=["kv","apples"]&var=["n1","kv","apples"]&gone=1&q=SELECT…&in=0199…-0199…&hit=0/12
 *
 * Times are absolute and exact (16 hex digits). A live view has no times: it shows now, wherever it
 * is opened, with the same span. Unknown parts are ignored and named. A token never enters here.
 */
import { type Hlc, parseHlc } from "../../../agent/kernel/index.ts";
import { hexOf } from "../api/client.ts";
import type { AskedQuery, RowName } from "../query/names.ts";
import { MAX_SPAN_TICKS, MIN_SPAN_TICKS, type Viewport } from "../scale/time-scale.ts";
import {
  type BisectMarks,
  type EventName,
  type LaneChoices,
  type LatencyBox,
  type LatencySide,
  MAX_BOOKMARKS,
  MAX_PINS,
  type Pin,
  type StateOrder,
  TABS,
  type Tab,
  type Theme,
  type VariableName,
} from "./choices.ts";

/** What a link carries. */
export interface LinkedView {
  readonly viewport: Viewport | null;
  readonly cut: Hlc | null;
  readonly fixedCut: Hlc | null;
  readonly bookmark: Hlc | null;
  readonly bookmarks: readonly Hlc[];
  readonly live: boolean;
  readonly tab: Tab;
  readonly stateOrder: StateOrder;
  readonly selectedNode: string | null;
  readonly selectedEvent: EventName | null;
  readonly foldedServices: readonly string[];
  readonly theme: Theme;
  /** See `Choices`: lanes of absent nodes, the opened variable, state tracks. */
  readonly showAbsent: boolean;
  readonly variable: VariableName | null;
  readonly pins: readonly Pin[];
  readonly bisect: BisectMarks;
  readonly lanes: LaneChoices;
  readonly foldSilences: boolean;
  readonly isLatencyShown: boolean;
  readonly latencySide: LatencySide;
  readonly box: LatencyBox | null;
  /** What was asked, and the row of the answer that was gone to. */
  readonly query: AskedQuery | null;
  readonly hit: RowName | null;
  /** Width of a live view, whose times are not written; null where the page chose it. */
  readonly spanTicks: number | null;
}

export const DEFAULT_VIEW: LinkedView = {
  viewport: null,
  cut: null,
  fixedCut: null,
  bookmark: null,
  bookmarks: [],
  live: true,
  tab: "state",
  stateOrder: "node",
  selectedNode: null,
  selectedEvent: null,
  foldedServices: [],
  theme: "system",
  showAbsent: false,
  variable: null,
  pins: [],
  bisect: { good: null, bad: null },
  lanes: { hidden: [], pinned: [], order: [], filter: "" },
  foldSilences: false,
  isLatencyShown: false,
  latencySide: "server",
  box: null,
  query: null,
  hit: null,
  spanTicks: null,
};

const VERSION = "1";
/** A link may fold this many services; the rest stay open. */
const MAX_FOLDS = 200;
const KNOWN = [
  "v",
  "from",
  "to",
  "cut",
  "cut1",
  "here",
  "mark",
  "span",
  "tab",
  "by",
  "node",
  "event",
  "fold",
  "gone",
  "var",
  "pin",
  "good",
  "bad",
  "hide",
  "top",
  "order",
  "lanes",
  "quiet",
  "heat",
  "side",
  "box",
  "q",
  "in",
  "hit",
  "theme",
];

export function writeFragment(view: LinkedView): string {
  const parts = new URLSearchParams();
  const { viewport } = view;
  if (!view.live && viewport !== null) {
    parts.set("from", hexOf(viewport.from));
    parts.set("to", hexOf(viewport.to));
    if (view.cut !== null) parts.set("cut", hexOf(view.cut));
  } else if (view.spanTicks !== null) {
    parts.set("span", String(view.spanTicks));
  }
  if (view.fixedCut !== null) parts.set("cut1", hexOf(view.fixedCut));
  if (view.bookmark !== null) parts.set("here", hexOf(view.bookmark));
  for (const t of view.bookmarks.slice(0, MAX_BOOKMARKS)) parts.append("mark", hexOf(t));
  if (view.tab !== DEFAULT_VIEW.tab) parts.set("tab", view.tab);
  if (view.stateOrder !== DEFAULT_VIEW.stateOrder) parts.set("by", view.stateOrder);
  if (view.selectedNode !== null) parts.set("node", view.selectedNode);
  if (view.selectedEvent !== null) parts.set("event", writeEventName(view.selectedEvent));
  for (const service of view.foldedServices.slice(0, MAX_FOLDS)) parts.append("fold", service);
  if (view.showAbsent) parts.set("gone", "1");
  if (view.variable !== null) {
    parts.set("var", JSON.stringify([view.variable.node, view.variable.log, view.variable.key]));
  }
  for (const { log, key } of view.pins.slice(0, MAX_PINS)) {
    parts.append("pin", JSON.stringify([log, key]));
  }
  for (const node of view.lanes.hidden.slice(0, MAX_FOLDS)) parts.append("hide", node);
  for (const node of view.lanes.pinned.slice(0, MAX_FOLDS)) parts.append("top", node);
  for (const node of view.lanes.order.slice(0, MAX_FOLDS)) parts.append("order", node);
  if (view.lanes.filter !== "") parts.set("lanes", view.lanes.filter);
  if (view.foldSilences) parts.set("quiet", "folded");
  if (view.isLatencyShown) parts.set("heat", "1");
  if (view.latencySide !== DEFAULT_VIEW.latencySide) parts.set("side", view.latencySide);
  if (view.box !== null) parts.set("box", writeBox(view.box));
  if (view.bisect.good !== null) parts.set("good", hexOf(view.bisect.good));
  if (view.bisect.bad !== null) parts.set("bad", hexOf(view.bisect.bad));
  if (view.query !== null) {
    parts.set("q", view.query.text);
    const { range } = view.query;
    if (range !== null) parts.set("in", `${hexOf(range.from)}-${hexOf(range.to)}`);
  }
  if (view.hit !== null) parts.set("hit", writeRowName(view.hit));
  if (view.theme !== "system") parts.set("theme", view.theme);
  const text = parts.toString();
  return text === "" ? "" : `v=${VERSION}&${text}`;
}

/** Reads what it can; `ignored` names the parts that it could not. Never throws. */
export function readFragment(text: string): { view: LinkedView; ignored: readonly string[] } {
  const parts = new URLSearchParams(text);
  const ignored = new Set([...parts.keys()].filter((name) => !KNOWN.includes(name)));
  if (parts.has("v") && parts.get("v") !== VERSION) ignored.add("v");

  const times = (name: string): readonly Hlc[] =>
    parts.getAll(name).flatMap((hex) => {
      const t = parseHlc(hex);
      if (t === undefined) ignored.add(name);
      return t ?? [];
    });
  const time = (name: string): Hlc | null => times(name)[0] ?? null;
  const oneOf = <Choice extends string>(
    name: string,
    choices: readonly Choice[],
    otherwise: Choice,
  ): Choice => {
    const typed = parts.get(name);
    if (typed === null) return otherwise;
    const found = choices.find((choice) => choice === typed);
    if (found === undefined) ignored.add(name);
    return found ?? otherwise;
  };

  const from = time("from");
  const to = time("to");
  const viewport = from !== null && to !== null ? rangeOf(from, to) : null;
  if (viewport === null && (from !== null || to !== null)) ignored.add("from");
  const cut = time("cut");
  const event = parts.get("event");
  const selectedEvent = event === null ? null : readEventName(event);
  if (event !== null && selectedEvent === null) ignored.add("event");
  const span = parts.get("span");
  const spanTicks = span === null ? null : readSpan(span);
  if (span !== null && spanTicks === null) ignored.add("span");
  const gone = oneOf("gone", ["0", "1"], "0");
  const variable = parts.has("var") ? readNames(parts.get("var") as string, 3) : null;
  if (parts.has("var") && variable === null) ignored.add("var");
  const pins = parts.getAll("pin").flatMap((text) => {
    const names = readNames(text, 2);
    if (names === null) ignored.add("pin");
    return names === null ? [] : [{ log: names[0] as string, key: names[1] as string }];
  });

  const box = parts.has("box") ? readBoxPart(parts.get("box") as string) : null;
  if (parts.has("box") && box === null) ignored.add("box");
  const query = parts.has("q") ? readQuery(parts.get("q") as string, parts.get("in")) : null;
  if (parts.has("q") && query === null) ignored.add("q");
  const isRangeRead = !parts.has("in") || query?.range != null;
  if (!isRangeRead) ignored.add("in");
  const hit = parts.has("hit") ? readRowName(parts.get("hit") as string) : null;
  if (parts.has("hit") && hit === null) ignored.add("hit");

  return {
    view: {
      viewport,
      cut,
      fixedCut: time("cut1"),
      bookmark: time("here"),
      bookmarks: [...new Set(times("mark"))].sort((a, b) => a - b).slice(0, MAX_BOOKMARKS),
      live: viewport === null && cut === null,
      tab: oneOf("tab", TABS, "state"),
      stateOrder: oneOf("by", ["node", "variable"], "node"),
      selectedNode: parts.get("node"),
      selectedEvent,
      foldedServices: parts.getAll("fold").slice(0, MAX_FOLDS),
      theme: oneOf("theme", ["system", "light", "dark"], "system"),
      showAbsent: gone === "1",
      variable: variable && {
        node: variable[0] as string,
        log: variable[1] as string,
        key: variable[2] as string,
      },
      pins: pins.slice(0, MAX_PINS),
      bisect: { good: time("good"), bad: time("bad") },
      lanes: {
        hidden: parts.getAll("hide").slice(0, MAX_FOLDS),
        pinned: parts.getAll("top").slice(0, MAX_FOLDS),
        order: parts.getAll("order").slice(0, MAX_FOLDS),
        filter: parts.get("lanes") ?? "",
      },
      foldSilences: oneOf("quiet", ["shown", "folded"], "shown") === "folded",
      isLatencyShown: oneOf("heat", ["0", "1"], "0") === "1",
      latencySide: oneOf("side", ["server", "caller"], "server"),
      box,
      query,
      hit,
      spanTicks,
    },
    ignored: [...ignored],
  };
}

function readSpan(text: string): number | null {
  const span = Number(text);
  const isSpan = Number.isSafeInteger(span) && span >= MIN_SPAN_TICKS && span <= MAX_SPAN_TICKS;
  return isSpan ? span : null;
}

/** A JSON array of so many texts: names may hold any character. */
function readNames(text: string, count: number): readonly string[] | null {
  try {
    const names: unknown = JSON.parse(text);
    const isNames = Array.isArray(names) && names.length === count;
    return isNames && names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}

/** Of a longer text the collector would refuse the rest; it is not cut off in silence. */
const MAX_QUERY_CHARS = 16 * 1024;

function readQuery(text: string, within: string | null): AskedQuery | null {
  if (text.trim() === "" || text.length > MAX_QUERY_CHARS) return null;
  const [from, to] = (within ?? "").split("-").map((hex) => parseHlc(hex));
  const isRange = from !== undefined && to !== undefined && from <= to;
  return { text, range: isRange ? { from, to } : null };
}

/** `query/n`, and the service where it was grouped by that. */
function writeRowName({ query, n, service }: RowName): string {
  return `${query}/${n}${service === "" ? "" : `/${service}`}`;
}

function readRowName(text: string): RowName | null {
  const match = /^(\d{1,2})\/([1-9]\d{0,8})(?:\/(.+))?$/s.exec(text);
  if (match === null) return null;
  return { query: Number(match[1]), n: Number(match[2]), service: match[3] ?? "" };
}

/** `from-to-low-high`: times, and microseconds. */
function writeBox({ from, to, lowUs, highUs }: LatencyBox): string {
  return `${hexOf(from)}-${hexOf(to)}-${lowUs}-${highUs}`;
}

function readBoxPart(text: string): LatencyBox | null {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})-(\d{1,15})-(\d{1,15})$/i.exec(text);
  const [from, to] = [parseHlc(match?.[1] ?? ""), parseHlc(match?.[2] ?? "")];
  const [lowUs, highUs] = [Number(match?.[3]), Number(match?.[4])];
  if (from === undefined || to === undefined) return null;
  return from < to && lowUs < highUs ? { from, to, lowUs, highUs } : null;
}

function rangeOf(from: Hlc, to: Hlc): Viewport | null {
  const span = to - from;
  return span >= MIN_SPAN_TICKS && span <= MAX_SPAN_TICKS ? { from, to } : null;
}

function writeEventName(event: EventName): string {
  return `${event.node}/${event.epoch}/${event.seq}@${hexOf(event.t)}`;
}

/** Read from the right: an imported node may have slashes, and even line ends, in its name. */
function readEventName(text: string): EventName | null {
  const match = /^(.+)\/(\d{1,16})\/(\d{1,16})@([0-9a-f]{16})$/is.exec(text);
  const t = match === null ? undefined : parseHlc(match[4] as string);
  if (match === null || t === undefined) return null;
  return { node: match[1] as string, epoch: Number(match[2]), seq: Number(match[3]), t };
}
