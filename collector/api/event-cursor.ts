/**
 * Where a page of events ended: time and name of its last event, `<hex t>.<epoch>.<seq>.<node>`, the
 * node in base64url since imported names may be any text. It names an event and not a position, so
 * late arrivals neither repeat nor hide what follows.
 */
import { type EventRef, formatHlc, type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import { badCursor } from "./params.ts";

export type EventPosition = EventRef & { readonly t: Hlc };

export function formatCursor({ t, node, epoch, seq }: EventPosition): string {
  return `${formatHlc(t)}.${epoch}.${seq}.${Buffer.from(node).toString("base64url")}`;
}

/** @throws RetroError `bad-parameter` */
export function parseCursor(text: string): EventPosition {
  const parts = /^([0-9a-f]{16})\.(\d{1,16})\.(\d{1,16})\.([\w-]+)$/.exec(text);
  if (parts === null) throw badCursor(text);
  const [, hex = "", epoch, seq, node = ""] = parts;
  const position = {
    t: parseHlc(hex),
    epoch: Number(epoch),
    seq: Number(seq),
    node: Buffer.from(node, "base64url").toString(),
  };
  const { t } = position;
  if (t === undefined || !Number.isSafeInteger(position.epoch)) throw badCursor(text);
  return { ...position, t };
}
