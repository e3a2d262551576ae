/** What scripts in processes of their own use of the SDK: see bundled-agent.ts. */
export { startAgent } from "../../agent/index.ts";
export { decodeLoad, decodeResources } from "../../agent/kernel/index.ts";
export { MemoryTransport } from "../../agent/testing.ts";
