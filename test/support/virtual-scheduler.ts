/** The scheduler on virtual time that users get too. */
export { ManualScheduler as VirtualScheduler } from "../../agent/testing/manual-scheduler.ts";
