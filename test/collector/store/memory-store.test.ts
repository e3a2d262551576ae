import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { describeDerivedRecords } from "./derived-records.contract.ts";
import { describeHistoryStore } from "./history-store.contract.ts";
import { describePruning } from "./pruning.contract.ts";
import { describeSealedPruning } from "./sealed-pruning.contract.ts";
import { describeSegmentStore } from "./segment-store.contract.ts";
import { describeSideBlocks } from "./side-blocks.contract.ts";

describeHistoryStore("MemoryStore", () => Promise.resolve(new MemoryStore()));
describeDerivedRecords("MemoryStore", () => Promise.resolve(new MemoryStore()));
describePruning("MemoryStore", () => Promise.resolve(new MemoryStore()));
describeSegmentStore("MemoryStore", () => Promise.resolve(new MemoryStore()));
describeSealedPruning("MemoryStore", () => Promise.resolve(new MemoryStore()));
describeSideBlocks("MemoryStore", () => Promise.resolve(new MemoryStore()));
