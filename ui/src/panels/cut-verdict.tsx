/**
 * What the cut is worth, before any of its values: consistent or not, complete or why not, what
 * could not be checked. Said in words and shapes, never by colour alone.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { CutJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import type { CutAnswer } from "../model/answers.ts";
import { reasonLabel, reasonSentence } from "../model/reasons.ts";
import { clockText, plural } from "../scale/time-words.ts";

export function CutVerdict({
  app,
  cut,
}: {
  readonly app: App;
  readonly cut: CutAnswer;
}): JSX.Element {
  const { json, at } = cut;
  const nodes = new Set(json.incomplete.map(({ node }) => node)).size;
  return (
    <div class="verdict">
      <ul class="badges" aria-label="What this cut is worth">
        <Badge good={json.consistent} text={json.consistent ? "Consistent" : "Inconsistent"} />
        <Badge
          good={json.complete}
          text={json.complete ? "Complete" : `Incomplete: ${plural(nodes, "node")}`}
        />
        {json.unchecked.length > 0 && (
          <Badge good={false} text={`Unchecked: ${plural(json.unchecked.length, "channel")}`} />
        )}
        <li class="badge plain">
          <button type="button" onClick={() => app.verbs.openTab("flight")}>
            {json.inFlight.length} in flight{json.inFlightComplete ? "" : "?"}
          </button>
        </li>
      </ul>
      {json.incomplete.length > 0 && (
        <ul class="reasons">
          {json.incomplete.map((one, place) => (
            <li key={`${one.node} ${one.reason} ${place}`}>
              <b>{one.node}</b> <span class="sign warn">{reasonLabel(one.reason)}</span>{" "}
              {reasonSentence(one, at)}.
            </li>
          ))}
        </ul>
      )}
      {!json.consistent && <Violations json={json} />}
      {json.unchecked.length > 0 && <Unchecked json={json} />}
    </div>
  );
}

function Badge({ good, text }: { readonly good: boolean; readonly text: string }): JSX.Element {
  return (
    <li class={good ? "badge good" : "badge bad"}>
      <span aria-hidden="true">{good ? "✓" : "!"}</span> {text}
    </li>
  );
}

function Violations({ json }: { readonly json: CutJson }): JSX.Element {
  return (
    <div class="reasons">
      <p>
        Some node holds an effect whose cause lies outside this cut: these messages were received
        before they were sent, by their timestamps.
      </p>
      <ul>
        {json.violations.slice(0, 20).map(({ send, receive, channel }) => (
          <li key={`${receive.node}/${receive.epoch}/${receive.seq}`}>
            <b>
              {channel.from} → {channel.to}
            </b>
            : sent {clockText(ticksOf(send.at))}, received {clockText(ticksOf(receive.at))}
          </li>
        ))}
      </ul>
      {json.violations.length > 20 && <p>{plural(json.violations.length - 20, "more message")}</p>}
    </div>
  );
}

function Unchecked({ json }: { readonly json: CutJson }): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <div class="unchecked">
      <button
        type="button"
        class="disclose"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <span class="chevron" aria-hidden="true" />
        Channels without our timestamp
      </button>
      {isOpen.value && (
        <ul class="reasons">
          {json.unchecked.map(({ from, to, peer, count }) => (
            <li key={`${from} ${to} ${peer}`}>
              <b>
                {from ?? peer} → {to ?? peer}
              </b>
              : {plural(count, "message")}; causality over it is not checked
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
