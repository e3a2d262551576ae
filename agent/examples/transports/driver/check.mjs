/**
 * What a collector recorded of an example's messages, read over its HTTP API and judged: every send has
 * its receive, every receive its send and is later, and the collector's own word on cuts agrees.
 */

/** Times at which a cut is asked for, spread over the run. */
const CUTS = 25;

/** @param url of the collector */
export async function readRun(url) {
  const { nodes } = await get(url, "/api/nodes");
  const events = [];
  let cursor;
  do {
    const from = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await get(url, `/api/events?kind=send&kind=receive&limit=10000${from}`);
    events.push(...page.events);
    cursor = page.next;
  } while (cursor !== undefined);
  return { nodes, events, cuts: await cutsOver(url, events) };
}

async function cutsOver(url, events) {
  const times = events.map(({ t }) => t.hlc);
  if (times.length === 0) return [];
  const chosen = Array.from({ length: CUTS }, (_, i) =>
    times.at(Math.floor(((i + 1) * (times.length - 1)) / CUTS)),
  );
  return Promise.all(chosen.map((at) => get(url, `/api/cut?at=${at}`)));
}

/** Counts, and in `faults` a sentence for each thing that is not as it must be. */
export function judge({ nodes, events, cuts }) {
  const name = ({ node, epoch, seq }) => `${node}/${epoch}/${seq}`;
  const sends = new Map();
  const failed = new Set();
  const replaced = new Set();
  const receives = [];
  for (const event of events) {
    if (event.kind === "receive") receives.push(event);
    else {
      sends.set(name(event), event);
      const other =
        event.replaces === undefined ? undefined : name({ ...event, seq: event.replaces });
      if (event.failed === true) failed.add(other ?? name(event));
      else if (other !== undefined) replaced.add(other);
    }
  }
  const faults = [];
  const received = new Map();
  for (const receive of receives) {
    const send = sends.get(receive.id);
    if (send === undefined) faults.push(`${name(receive)} names no recorded send: ${receive.id}`);
    else if (send.t.hlc >= receive.t.hlc)
      faults.push(`${name(receive)} is not later than its send`);
    received.set(receive.id, (received.get(receive.id) ?? 0) + 1);
  }
  for (const [id, count] of received) {
    if (count > 1) faults.push(`${id} was received ${count} times`);
    if (failed.has(id)) faults.push(`${id} arrived, although it is called failed`);
  }
  let joined = 0;
  for (const [id, send] of sends) {
    if (send.failed === true || failed.has(id) || replaced.has(id)) continue;
    if (received.has(id)) joined += 1;
    else faults.push(`${id} was never received (${send.channel} to ${send.peer})`);
  }
  for (const cut of cuts) {
    if (!cut.consistent) faults.push(`the cut at ${cut.at.time} is not consistent`);
    if (!cut.complete) faults.push(`the cut at ${cut.at.time} is not complete`);
  }
  const channels = [...new Set(events.map(({ channel }) => channel))].sort();
  return { joined, failed: failed.size, channels, nodes: nodes.length, cuts: cuts.length, faults };
}

async function get(url, path) {
  const answer = await fetch(url + path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(body.error)}`);
  return body;
}
