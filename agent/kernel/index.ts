/** The kernel's door: what agent, collector and UI share. No Node modules in here. */
export * from "./assert.ts";
export * from "./batch.ts";
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./event.ts";
export * from "./hlc.ts";
export * from "./physical-clock.ts";
export * from "./protocol.ts";
export * from "./time-text.ts";
export * from "./value.ts";
