/** How an inconsistent cut was made consistent: which nodes go back, how far, for which message. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import type { Bend } from "../model/bends.ts";
import { byName } from "../model/nodes.ts";
import type { ShownCut } from "../model/shown-cut.ts";
import { clockText, durationText, plural } from "../scale/time-words.ts";

const MAX_ROWS = 20;

interface BendsProps {
  readonly app: App;
  readonly cut: ShownCut;
}

export function BendList({ app, cut }: BendsProps): JSX.Element | null {
  const { bends, at } = cut;
  if (bends === null) return null;
  const rows = [...bends].sort(([a], [b]) => byName(a, b));
  return (
    <div class="reasons">
      <p>
        At {clockText(at)} some node holds an effect whose cause lies outside. Shown is the largest
        consistent cut inside: {plural(rows.length, "node")} {rows.length === 1 ? "goes" : "go"}{" "}
        back to before that message.
      </p>
      <ul class="bends">
        {rows.slice(0, MAX_ROWS).map(([node, bend]) => (
          <BendRow key={node} app={app} at={at} node={node} bend={bend} />
        ))}
      </ul>
      {rows.length > MAX_ROWS && <p>and {plural(rows.length - MAX_ROWS, "more node")}</p>}
    </div>
  );
}

interface RowProps {
  readonly app: App;
  readonly at: number;
  readonly node: string;
  readonly bend: Bend;
}

function BendRow({ app, at, node, bend }: RowProps): JSX.Element {
  const { sender, sentAt, receiver, receivedAt } = bend.message;
  const light = (on: boolean) => {
    app.litMessage.value = on ? { from: sender, to: receiver, sentAt, receivedAt } : null;
  };
  return (
    <li onMouseEnter={() => light(true)} onMouseLeave={() => light(false)}>
      <button
        type="button"
        class="link"
        title="Move the cut to the last tick that this node has inside"
        onFocus={() => light(true)}
        onBlur={() => light(false)}
        onClick={() => app.verbs.moveCut(bend.at, true)}
      >
        {node} −{durationText(at - bend.at)}
      </button>
      : received from {sender} at {clockText(receivedAt)},{" "}
      {sentAt > at
        ? `sent after this cut, at ${clockText(sentAt)}`
        : `sent at ${clockText(sentAt)}, which is outside now`}
    </li>
  );
}
