/**
 * All nodes of a stretch of time together: who calls whom, and how their clocks stand. Times of several nodes
 * are compared in one frame, that of a reference node, never by shifting a recording.
 */
import type { Work } from "../cut/turns.ts";
import { callEdges } from "./call-edges.ts";
import { type ClockFrame, EdgeClock, frameOf, shiftOf } from "./clock-bounds.ts";
import { EdgeView } from "./detect-hop-gap.ts";
import { NodeView } from "./node-view.ts";
import type { Interval, NodeRecording } from "./recording.ts";
import type { BottleneckSettings } from "./settings.ts";

/** What a system is made of: worked out in turns, as it costs most of a look. */
interface Parts {
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly edges: readonly EdgeView[];
  readonly clocks: readonly EdgeClock[];
  readonly reference: string;
}

/** All of a stretch, put together step by step. */
export function* systemOf(
  recordings: readonly NodeRecording[],
  settings: BottleneckSettings,
): Work<SystemView> {
  const sorted = [...recordings].sort((a, b) => (a.node < b.node ? -1 : 1));
  const nodes = new Map<string, NodeView>();
  for (const one of sorted) {
    nodes.set(one.node, new NodeView(one, settings));
    yield;
  }
  const edges: EdgeView[] = [];
  const clocks: EdgeClock[] = [];
  for (const edge of yield* callEdges(sorted)) {
    edges.push(new EdgeView(edge, settings));
    yield;
    if (edge.isKnown) clocks.push(new EdgeClock(edge, settings.driftPpm));
    yield;
  }
  const called = new Set(edges.map(({ edge }) => edge.to));
  const first = sorted.find(({ node }) => !called.has(node)) ?? sorted[0];
  return new SystemView({ nodes, edges, clocks, reference: first?.node ?? "" }, settings);
}

export class SystemView {
  readonly settings: BottleneckSettings;
  /** By node. */
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly edges: readonly EdgeView[];
  readonly clocks: readonly EdgeClock[];
  /** Whose clock the common frame is: the first node, by name, that nobody calls. */
  readonly reference: string;
  readonly #groups: ReadonlyMap<string, string>;
  readonly #frames = new Map<number, ClockFrame>();

  constructor({ nodes, edges, clocks, reference }: Parts, settings: BottleneckSettings) {
    this.settings = settings;
    this.nodes = nodes;
    this.edges = edges;
    this.clocks = clocks;
    this.reference = reference;
    this.#groups = this.#joined();
  }

  /** Nodes that requests join have one group. One whose requests are not known may belong to any. */
  #joined(): Map<string, string> {
    const groups = new Map<string, string>();
    const rootOf = (node: string): string => {
      const group = groups.get(node) ?? node;
      return group === node ? node : rootOf(group);
    };
    const join = (a: string, b: string): void => {
      const [first = a, second = b] = [rootOf(a), rootOf(b)].sort();
      groups.set(second, first);
    };
    for (const { edge } of this.edges) join(edge.from, edge.to);
    const silent = [...this.nodes.values()].filter(({ recording }) => {
      return recording.requests.length === 0 && recording.load.length > 0;
    });
    for (const { node } of silent) for (const other of this.nodes.keys()) join(node, other);
    return new Map([...this.nodes.keys()].map((node) => [node, rootOf(node)]));
  }

  /** The name that nodes joined by requests have in common. */
  groupOf(node: string): string {
    return this.#groups.get(node) ?? node;
  }

  serviceOf(node: string): string {
    return this.nodes.get(node)?.recording.service ?? node;
  }

  /** The nodes of a group through which requests come in. */
  entriesOf(group: string): NodeView[] {
    const called = new Set(this.edges.map(({ edge }) => edge.to));
    const inGroup = [...this.nodes.values()].filter(({ node }) => this.groupOf(node) === group);
    const entries = inGroup.filter(({ node, recording }) => {
      return !called.has(node) && recording.requests.length > 0;
    });
    return entries.length > 0 ? entries : inGroup;
  }

  /** How clocks stand at a time of the reference's: the same within a step of baselines. */
  frameAt(us: number): ClockFrame {
    const stepUs = this.settings.baselineStepMs * 1_000;
    const step = Math.floor(us / stepUs) * stepUs;
    const known = this.#frames.get(step);
    if (known !== undefined) return known;
    const frame = frameOf(this.clocks, this.reference, step + stepUs);
    this.#frames.set(step, frame);
    return frame;
  }

  /** A stretch of a node's own clock, in the common frame. */
  toFrame(node: string, { startUs, endUs }: Interval): Interval {
    const shift = shiftOf(this.frameAt(startUs), node);
    return { startUs: startUs - shift, endUs: endUs - shift };
  }

  /** A stretch of the common frame, by a node's own clock. */
  fromFrame(node: string, { startUs, endUs }: Interval): Interval {
    const shift = shiftOf(this.frameAt(startUs), node);
    return { startUs: startUs + shift, endUs: endUs + shift };
  }
}
