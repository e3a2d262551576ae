/** Side blocks as history gives them: how nodes were doing, by their own raw clocks. Shapes only. */
import type { SideBlock, SideStream } from "../../agent/kernel/index.ts";
import type { Selection } from "./answers.ts";

export interface SideQuery {
  /** Unix seconds of the nodes' raw physical clocks; `untilSecond` is not among them. */
  readonly fromSecond: number;
  readonly untilSecond: number;
  /** Nodes and services; logs and keys have no meaning here. */
  readonly selection?: Selection;
  /** Absent: all. */
  readonly streams?: readonly SideStream[];
}

/** Blocks of one run of a node, ascending by second, stream, part. Not decoded. */
export interface NodeSide {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly blocks: readonly SideBlock[];
}
