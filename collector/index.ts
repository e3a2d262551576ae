/** The door `retroscope/collector`: run a collector inside a program of your own. */
export { type Collector, type CollectorOptions, createCollector } from "./collector.ts";
export type {
  Bisect,
  Bisection,
  BisectOptions,
  Cut,
  History,
  Incomplete,
  InFlightMessage,
  Selection,
  Walk,
  WalkChange,
  WalkOptions,
  WalkPredicate,
  WalkRow,
  WalkRowOptions,
  WalkView,
} from "./cut/history.ts";
