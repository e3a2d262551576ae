/**
 * Answers the questions of the HTTP contract from a scenario in the slowest and plainest way: replay
 * everything, each time. For the UI's fixture server; it shares no code with the cut engine.
 */
import { formatHlc, formatIsoMicros, type Hlc, type Json } from "../../agent/kernel/index.ts";
import type {
  CutJson,
  DiffJson,
  EventLineJson,
  EventsJson,
  H,
  NodesJson,
  StepsJson,
  TimelineJson,
  VariableHistoryJson,
} from "../../collector/api/shapes.ts";
import type { Scenario, ScenarioEvent } from "./ui-scenario.ts";

type State = Map<string, Json>;
const CHANGES = ["set", "delete", "add", "remove"];
/** A timeline answer with at most so many events gives them exactly. */
const EXACT_EVENTS = 1_500;

export const timeJson = (t: number): H => ({
  hlc: formatHlc(t as Hlc),
  time: formatIsoMicros(t as Hlc),
});
const isChange = ({ kind }: ScenarioEvent) => CHANGES.includes(kind);
const variable = (event: ScenarioEvent) =>
  `${event.node}\n${event.fields["log"]}\n${event.fields["key"]}`;

/** Every variable at `t`, by `node\nlog\nkey`. */
export function stateAt({ events }: Scenario, t: number): State {
  const state: State = new Map();
  for (const event of events) {
    if (event.t > t) break;
    if (isChange(event)) apply(state, event);
  }
  return state;
}

function apply(state: State, event: ScenarioEvent): void {
  const name = variable(event);
  const value = event.fields["value"] as Json;
  const members = (state.get(name) as { $set?: Json[] } | undefined)?.$set ?? [];
  if (event.kind === "set") state.set(name, value);
  else if (event.kind === "delete") state.delete(name);
  else if (event.kind === "add") state.set(name, { $set: [...members, value].sort() });
  else state.set(name, { $set: members.filter((member) => member !== value) });
}

function incompleteAt({ nodes }: Scenario, t: number) {
  return nodes
    .filter(({ closed }) => closed < t)
    .map(({ node, closed }) => ({ node, reason: "lagging", after: timeJson(closed) }));
}

function sendOf({ events }: Scenario, receive: ScenarioEvent): ScenarioEvent | undefined {
  return events.find(({ node, seq }) => node === receive.send?.node && seq === receive.send.seq);
}

export function cutAt(
  scenario: Scenario,
  t: number,
  only?: { node?: string | undefined },
): CutJson {
  const { events, nodes } = scenario;
  const joined = nodes.filter(({ node }) =>
    events.some((e) => e.node === node && e.kind === "join" && e.t <= t),
  );
  const state = stateAt(scenario, t);
  const logsOf = (node: string) => {
    const logs: Record<string, Record<string, Json>> = {};
    for (const [name, value] of state) {
      const [owner, log = "", key = ""] = name.split("\n");
      if (owner !== node) continue;
      logs[log] = { ...logs[log], [key]: value };
    }
    return logs;
  };
  const receives = events.filter(({ send }) => send !== undefined);
  const violations = receives.flatMap((receive) => {
    const send = sendOf(scenario, receive);
    if (send === undefined || receive.t > t || send.t <= t) return [];
    const reference = ({ node, epoch, seq, t: at }: ScenarioEvent) => ({
      node,
      epoch,
      seq,
      at: timeJson(at),
    });
    return [
      {
        send: reference(send),
        receive: reference(receive),
        channel: { from: send.node, to: receive.node },
      },
    ];
  });
  const received = new Set(
    receives.filter((one) => one.t <= t).map(({ send }) => `${send?.node}/${send?.seq}`),
  );
  const incomplete = incompleteAt(scenario, t);
  return {
    at: timeJson(t),
    complete: incomplete.length === 0,
    incomplete,
    members: joined.map(({ node }) => node),
    consistent: violations.length === 0,
    violations,
    unchecked: scenario.unchecked,
    nodes: Object.fromEntries(
      nodes
        .filter(({ node }) => only?.node === undefined || only.node === node)
        .map(({ node, service, epoch, closed }) => [
          node,
          { service, epoch, status: "live", watermark: timeJson(closed), logs: logsOf(node) },
        ]),
    ),
    inFlight: events
      .filter(
        ({ kind, t: at, node, seq }) =>
          kind === "send" && at <= t && !received.has(`${node}/${seq}`),
      )
      .map(({ node, epoch, seq, t: at, fields }) => ({
        id: `${node}/${epoch}/${seq}`,
        from: node,
        to: String(fields["to"]),
        peer: null,
        sentAt: timeJson(at),
      })),
    inFlightComplete: incomplete.length === 0,
    inFlightIncomplete: incomplete,
  };
}

export function diffOf(scenario: Scenario, from: number, to: number): DiffJson {
  const before = stateAt(scenario, from);
  const after = stateAt(scenario, to);
  const incomplete = incompleteAt(scenario, to);
  const changes = [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
    const one = before.get(name);
    const two = after.get(name);
    if (JSON.stringify(one) === JSON.stringify(two)) return [];
    const [node = "", log = "", key = ""] = name.split("\n");
    const count = scenario.events.filter(
      (e) => isChange(e) && variable(e) === name && e.t > from && e.t <= to,
    ).length;
    return [
      {
        node,
        log,
        key,
        ...(one !== undefined && { before: one }),
        ...(two !== undefined && { after: two }),
        count,
      },
    ];
  });
  return {
    from: timeJson(from),
    to: timeJson(to),
    complete: incomplete.length === 0,
    incomplete,
    changes,
  };
}

/** Nothing is ever missing between the ends of these histories. */
const WHOLE = { complete: true, incomplete: [] } as const;

export function stepsFrom(
  scenario: Scenario,
  from: number,
  direction: "next" | "prev",
  count: number,
  node?: string,
): StepsJson {
  const changes = scenario.events.filter(
    (e) => isChange(e) && (node === undefined || e.node === node),
  );
  const times = [...new Set(changes.map(({ t }) => t as number))].filter((t) =>
    direction === "next" ? t > from : t <= from,
  );
  const nearest = direction === "next" ? times.slice(0, count) : times.reverse().slice(0, count);
  return {
    ...WHOLE,
    steps: nearest.map((t) => ({
      at: timeJson(t),
      changes: changes
        .filter((e) => e.t === t)
        .map(({ node: owner, kind, fields }) => ({
          node: owner,
          log: String(fields["log"]),
          key: String(fields["key"]),
          kind,
        })),
    })),
  };
}

/** Versions of one variable in [from, to], oldest first; first the value at `from`, dated when it began. */
export function historyOf(
  scenario: Scenario,
  name: { node: string; log: string; key: string },
  from: number,
  to: number,
  limit: number,
): VariableHistoryJson {
  const id = `${name.node}\n${name.log}\n${name.key}`;
  const writes = scenario.events.filter((e) => isChange(e) && e.t <= to && variable(e) === id);
  const versionOf = ({ t, epoch, seq }: ScenarioEvent, at: number) => {
    const value = stateAt(scenario, t).get(id);
    const held = value === undefined ? { deleted: true as const } : { value };
    return { at: timeJson(at), epoch, seq, ...held };
  };
  const inside = writes.filter(({ t }) => t >= from);
  const before = writes.findLast(({ t }) => t < from);
  const start =
    before === undefined || inside[0]?.t === from || !stateAt(scenario, from).has(id)
      ? []
      : [versionOf(before, before.t)];
  const count = Math.max(0, limit - start.length);
  const values = [...start, ...inside.slice(0, count).map((e) => versionOf(e, e.t))];
  const next = inside[count];
  return next === undefined ? { ...WHOLE, values } : { ...WHOLE, values, next: formatHlc(next.t) };
}

function lineOf(scenario: Scenario, event: ScenarioEvent): EventLineJson {
  const { node, service, epoch, seq, t, kind, fields } = event;
  const send = event.send === undefined ? undefined : sendOf(scenario, event);
  const received =
    send === undefined
      ? {}
      : { id: `${send.node}/${send.epoch}/${send.seq}`, sentT: formatHlc(send.t) };
  const line = { node, service, epoch, seq, t: timeJson(t), kind, ...fields, ...received };
  return line as unknown as EventLineJson;
}

export function eventsIn(
  scenario: Scenario,
  from: number,
  to: number,
  nodes: readonly string[],
  limit: number,
  kinds: readonly string[] = [],
): EventsJson {
  const found = scenario.events.filter(
    ({ t, node, kind }) =>
      t >= from &&
      t <= to &&
      (nodes.length === 0 || nodes.includes(node)) &&
      (kinds.length === 0 || kinds.includes(kind)),
  );
  const incomplete = scenario.nodes
    .filter(({ node, closed }) => closed < to && (nodes.length === 0 || nodes.includes(node)))
    .map(({ node, closed }) => ({ node, reason: "lagging", after: timeJson(closed) }));
  return {
    from: timeJson(from),
    to: timeJson(to),
    events: found.slice(0, limit).map((event) => lineOf(scenario, event)),
    complete: incomplete.length === 0,
    incomplete,
    ...(found.length > limit && { next: String(limit) }),
  };
}

export function nodesOf(scenario: Scenario): NodesJson {
  const first = scenario.events[0]?.t;
  const last = scenario.events.at(-1)?.t;
  const closed = scenario.nodes.map((one) => one.closed as number);
  const known = Math.min(...closed);
  const end = Math.max(last ?? 0, ...closed);
  return {
    now: timeJson(closed.length === 0 ? 0 : end),
    extent:
      first === undefined || last === undefined
        ? null
        : { first: timeJson(first), last: timeJson(last) },
    watermark: closed.length === 0 ? null : timeJson(known),
    nodes: scenario.nodes.map(({ node, service, epoch, closed: watermark }) => {
      const joined = timeJson(scenario.events.find((e) => e.node === node)?.t ?? 0);
      return {
        node,
        service,
        tags: {},
        epoch,
        epochs: [{ epoch, joined, end: null }],
        status: "live",
        joined,
        retainedFrom: null,
        watermark: timeJson(watermark),
        hooks: {},
        counts: {},
        drops: {},
        stream: "all" as const,
        lost: [],
        notCaptured: null,
        lead: null,
        clockSteps: null,
        refused: {},
        malformed: {},
        offsets: null,
      };
    }),
  };
}

export function timelineOf(
  scenario: Scenario,
  from: number,
  to: number,
  pixels: number,
): TimelineJson {
  const inside = scenario.events.filter(({ t }) => t >= from && t <= to);
  const exact = inside.length <= EXACT_EVENTS;
  // The first of each send: from behind, so that it stays.
  const receives = new Map(
    scenario.events
      .toReversed()
      .flatMap((e) => (e.send ? [[`${e.send.node}/${e.send.seq}`, e]] : [])),
  );
  const bucketTicks = Math.max(1, Math.ceil((to - from) / pixels));
  return {
    from: timeJson(from),
    to: timeJson(to),
    bucketTicks,
    exact,
    lanes: nodesOf(scenario).nodes.map(({ node, service, status, epochs, watermark }) => {
      const mine = inside.filter((e) => e.node === node);
      const buckets = new Map<number, number[]>();
      for (const event of mine) {
        const index = Math.floor((event.t - from) / bucketTicks);
        const row = buckets.get(index) ?? [index, 0, 0, 0, 0, 0, 0, 0];
        const column = isChange(event)
          ? 1
          : ["send", "receive", "request", "mark"].indexOf(event.kind) + 2;
        if (column > 1 || isChange(event)) row[column] = (row[column] as number) + 1;
        row[6] = Math.max(row[6] as number, Number(event.fields["residenceUs"] ?? 0));
        buckets.set(index, row);
      }
      const closed = scenario.nodes.find((one) => one.node === node)?.closed as number;
      return {
        node,
        service,
        status,
        epochs,
        watermark,
        gaps:
          closed < to
            ? [{ from: timeJson(Math.max(closed, from)), to: timeJson(to), reason: "lagging" }]
            : [],
        buckets: [...buckets.values()],
        events: exact ? mine.map((event) => lineOf(scenario, event)) : null,
      };
    }),
    // Every message that touches the range, by either end.
    messages: scenario.events
      .filter(({ kind }) => kind === "send")
      .flatMap((send) => {
        const receive = receives.get(`${send.node}/${send.seq}`);
        const touches = [send, receive].some((e) => e !== undefined && e.t >= from && e.t <= to);
        if (!touches) return [];
        return {
          from: send.node,
          to: String(send.fields["to"]),
          sentAt: timeJson(send.t),
          receivedAt: receive === undefined ? null : timeJson(receive.t),
          count: 1,
        };
      }),
  };
}
