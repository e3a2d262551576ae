/** The SDK's door. Loads no third-party code. */
export type { Agent } from "./agent.ts";
export type { PhysicalClock } from "./kernel/index.ts";
export { formatHlc, type Hlc, parseTime, RetroError } from "./kernel/index.ts";
export type { HeadersLike } from "./manual-stamps.ts";
export type { LogRedactSetting, RedactSettings } from "./redact-config.ts";
export type { Scheduler } from "./shipping/scheduler.ts";
export type { Transport } from "./shipping/transport.ts";
export { type AgentOptions, getAgent, startAgent } from "./start.ts";
export type {
  DiffOptions,
  EventSlice,
  EventsOptions,
  Snapshot,
  SnapshotOptions,
  StateDiff,
  StateFilter,
  TimeInput,
  WindowEvent,
  WindowEventKind,
} from "./state/questions.ts";
export type { RollingView } from "./state/rolling-view.ts";
export type { StateChange } from "./state/state-diff.ts";
export type { Commit, StateLog } from "./state/state-log.ts";
export type { Variable } from "./state/variable.ts";
export type { WaitOptions } from "./tracing/pool-waits.ts";
export type { AgentStats, Health } from "./vitals.ts";
