import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { describeHistoryStore } from "./history-store.contract.ts";

describeHistoryStore("MemoryStore", () => Promise.resolve(new MemoryStore()));
