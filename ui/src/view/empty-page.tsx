/** Nothing recorded yet: what will be here, and the ways to get there, with this page's own address. */
import type { JSX } from "preact";
import type { App } from "../app.ts";

export function EmptyPage({ app }: { readonly app: App }): JSX.Element {
  const { origin } = app.host;
  return (
    <div class="empty-page">
      <ExamplePicture />
      <h2>Nothing has been recorded yet</h2>
      <p>
        As soon as a service reports to this collector, its lane appears here, and any past moment
        can be looked at. This page watches for it.
      </p>
      <div class="ways">
        <section>
          <h3>Connect a service</h3>
          <pre tabIndex={0}>
            {`import { startAgent } from "retroscope";

const agent = startAgent({
  service: "cart",
  collector: "${origin}",
});
agent.log("stock").set("apples", 12);`}
          </pre>
        </section>
        <section>
          <h3>See a running example</h3>
          <pre tabIndex={0}>npm run demo</pre>
          <p>Three stores and a gateway replicate over HTTP, with clocks that disagree.</p>
        </section>
        <section>
          <h3>Bring a recording</h3>
          <pre tabIndex={0}>{`npx retroscope import jsonl FILE \\\n  --url ${origin}`}</pre>
          <p>One JSON object a line: any language can write it.</p>
        </section>
      </div>
    </div>
  );
}

function ExamplePicture(): JSX.Element {
  return (
    <svg
      class="example"
      viewBox="0 0 480 132"
      role="img"
      aria-label="Three lanes with events, messages and a cut line"
    >
      <g class="lifelines">
        <path d="M10 26H470M10 66H470M10 106H470" />
      </g>
      <g class="hue-0">
        <path d="M70 26L128 66M250 26L318 106" />
        <circle cx="40" cy="26" r="5" />
        <circle cx="160" cy="26" r="5" />
        <circle cx="232" cy="26" r="5" />
      </g>
      <g class="hue-1">
        <path d="M180 66L238 106" />
        <circle cx="148" cy="66" r="5" />
        <circle cx="270" cy="66" r="5" />
        <circle cx="410" cy="66" r="5" />
      </g>
      <g class="hue-2">
        <path d="M360 106L424 26" />
        <circle cx="96" cy="106" r="5" />
        <circle cx="338" cy="106" r="5" />
      </g>
      <path class="cut" d="M292 8V124" />
    </svg>
  );
}
