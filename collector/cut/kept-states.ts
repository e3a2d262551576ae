/** States that the checkpointer wrote, read back: what a view may start from. */
import { RetroError } from "../../agent/kernel/index.ts";
import type { DirectoryRecord, HistoryStore } from "../store/history-store.ts";
import { decodeDirectory, decodeKeyList, decodeLogState } from "./checkpoint-codec.ts";
import { EpochView } from "./epoch-view.ts";
import { isSameList, type KeyList, type KeyListName } from "./key-list.ts";
import type { CutLimits } from "./limits.ts";
import type { LogImage } from "./log-image.ts";
import { LruCache } from "./lru-cache.ts";

export class KeptStates {
  readonly #store: HistoryStore;
  readonly #keyLists: LruCache<string, KeyList>;

  constructor(store: HistoryStore, limits: CutLimits) {
    this.#store = store;
    this.#keyLists = new LruCache(limits.keyListCacheBytes);
  }

  /** Forgets what is decoded. */
  dropCaches(): void {
    this.#keyLists.clear();
  }

  /** The view of a directory, of these logs or of all; undefined if a part of it cannot be read. */
  viewOf(record: DirectoryRecord, logs?: ReadonlySet<string>): EpochView | undefined {
    try {
      const directory = decodeDirectory(record.bytes);
      const view = new EpochView(logs);
      for (const [log, seq] of directory.logs) {
        if (!view.follows(log)) continue;
        const image = this.#logState(record.epochId, log, seq);
        if (image === undefined) return undefined;
        view.logs.set(log, image);
      }
      view.lost = directory.lost;
      view.senders.addRows(directory.senders, directory.moreSendersFrom);
      view.lastSendT = directory.lastSendT;
      view.lastReceiveT = directory.lastReceiveT;
      view.seq = record.seq;
      view.t = record.t;
      return view;
    } catch (error) {
      if (error instanceof RetroError) return undefined;
      throw error;
    }
  }

  #logState(epochId: number, log: string, seq: number): LogImage | undefined {
    const bytes = this.#store.checkpoint(epochId, log, seq);
    if (bytes === undefined) return undefined;
    return decodeLogState(bytes, (listSeq, name) => this.#keyList(epochId, log, listSeq, name));
  }

  /** By what is in it, not by where it stands: lists are written anew now and then, mostly unchanged. */
  #keyList(epochId: number, log: string, seq: number, name: KeyListName): KeyList | undefined {
    const known = `${epochId}/${name.count}/${name.hash}/${name.otherHash}/${log}`;
    const found = this.#keyLists.get(known);
    if (found !== undefined) return found;
    const bytes = this.#store.checkpoint(epochId, log, seq);
    const list = bytes === undefined ? undefined : decodeKeyList(bytes);
    if (list === undefined || !isSameList(list.name, name)) return undefined;
    this.#keyLists.set(known, list, list.bytes);
    return list;
  }
}
