/**
 * The door for tests of services that embed the agent: clocks and timers moved by hand, a collector in
 * memory that can be told to fail, and assertions on what was recorded.
 */
export type { RetroEvent } from "./kernel/index.ts";
export { type FailureMode, MemoryTransport } from "./shipping/memory-transport.ts";
export { ManualClock, SkewedClock } from "./testing/manual-clock.ts";
export { ManualScheduler } from "./testing/manual-scheduler.ts";
export {
  assertAlways,
  assertState,
  changesOf,
  type RecordedChange,
  type RecordedState,
  stateOf,
} from "./testing/recorded.ts";
export { startTestAgent, type TestAgent } from "./testing/test-agent.ts";
