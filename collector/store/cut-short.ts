/**
 * Whether data.mdb holds every page that its trees lead to. LMDB maps the file and believes what is in it: to read
 * a page behind the end is a SIGBUS, which ends the process without a word. So this is asked before it is opened.
 *
 * Mostly it is one comparison: the last page of which the newest meta page knows lies in the file. LMDB does not write
 * pages that one transaction took and gave back, and they may be the last: a file that is shorter is walked, and is
 * cut short only if a page in use lies behind its end.
 *
 *     page    | number 8 | txn 8 | pad 2 | flags 2 | lower 2 | upper 2 |  places of nodes, 2 each ...   24 bytes of head
 *     node    | low 2 | high 2 | flags 2 | key size 2 | key | data |      places count from behind the head
 *     meta    behind the head: magic 4, version 4, address 8, map size 8, two trees of 48, last page 8, txn 8
 *     tree    | page size 4, in the first | flags 2 | depth 2 | pages 3 x 8 | entries 8 | root 8 |
 *
 * The layout is that of lmdb 3.5 (version 2 of its data, 64 bits); of any other nothing is said.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const HEAD = 24;
const MAGIC = 0xbe_ef_c0_de;
const DATA_VERSION = 2;
const TREES_AT: number = HEAD + 24;
const TREE_BYTES = 48;
const ROOT_AT = 40;
const LAST_PAGE_AT: number = TREES_AT + 2 * TREE_BYTES;
const TXN_AT: number = LAST_PAGE_AT + 8;
const META_BYTES: number = TXN_AT + 8;
const MAX_PAGE_BYTES = 65_536;
const MIN_PAGE_BYTES = 512;
const FLAGS_AT = 18;
const LOWER_AT = 20;
const BRANCH = 1;
const LEAF = 2;
const NODE_HEAD = 8;
/** Of a node in a leaf: its data are the number of an overflow page. */
const BIG_DATA = 1;

/** How much of a file is missing. */
export interface CutShort {
  readonly bytes: number;
  /** The end of a page that is in use, behind the end of the file. */
  readonly neededBytes: number;
}

interface Meta {
  readonly pageBytes: number;
  readonly roots: readonly number[];
  readonly lastPage: number;
  readonly txn: bigint;
}

/** undefined: all that is in use is there, or the file is not of the layout above. Reads two pages, mostly. */
export function cutShort(path: string): CutShort | undefined {
  const file = openSync(path, "r");
  try {
    const meta = newestMeta(file);
    if (meta === undefined) return undefined;
    // After the meta page: a file that is being written only grows.
    const bytes = fstatSync(file).size;
    if (bytes >= (meta.lastPage + 1) * meta.pageBytes) return undefined;
    const neededBytes = endBehind(file, meta, bytes);
    return neededBytes === undefined ? undefined : { bytes, neededBytes };
  } finally {
    closeSync(file);
  }
}

function newestMeta(file: number): Meta | undefined {
  const first = metaAt(file, 0);
  if (first === undefined) return undefined;
  const second = metaAt(file, first.pageBytes);
  return second !== undefined && second.txn > first.txn ? second : first;
}

function metaAt(file: number, at: number): Meta | undefined {
  const page = Buffer.alloc(META_BYTES);
  if (readSync(file, page, 0, META_BYTES, at) < META_BYTES) return undefined;
  if (page.readUInt32LE(HEAD) !== MAGIC) return undefined;
  if ((page.readUInt32LE(HEAD + 4) & 0xff_ff) !== DATA_VERSION) return undefined;
  const pageBytes = page.readUInt32LE(TREES_AT);
  if (pageBytes < MIN_PAGE_BYTES || pageBytes > MAX_PAGE_BYTES) return undefined;
  const rootAt = (tree: number): number => numberAt(page, TREES_AT + tree * TREE_BYTES + ROOT_AT);
  return {
    pageBytes,
    roots: [rootAt(0), rootAt(1)],
    lastPage: numberAt(page, LAST_PAGE_AT),
    txn: page.readBigUInt64LE(TXN_AT),
  };
}

/** No page at all is the greatest number there is: more pages than any file has. */
function numberAt(page: Buffer, at: number): number {
  return Number(page.readBigUInt64LE(at));
}

/** The end of the first page found that is in use and not wholly in the file. */
function endBehind(
  file: number,
  { pageBytes, roots, lastPage }: Meta,
  bytes: number,
): number | undefined {
  const page = Buffer.alloc(pageBytes);
  const seen = new Set<number>();
  const toVisit = roots.filter((root) => root <= lastPage);
  for (let number = toVisit.pop(); number !== undefined; number = toVisit.pop()) {
    const end = (number + 1) * pageBytes;
    if (end > bytes) return end;
    // A tree that is damaged may lead in circles.
    if (seen.has(number)) continue;
    seen.add(number);
    readSync(file, page, 0, pageBytes, number * pageBytes);
    for (const { child, isOverflow } of childrenOf(page)) {
      if (child > lastPage) continue;
      const last = isOverflow ? child + overflowPages(file, child * pageBytes) - 1 : child;
      if ((last + 1) * pageBytes > bytes) return (last + 1) * pageBytes;
      if (!isOverflow) toVisit.push(child);
    }
  }
  return undefined;
}

function* childrenOf(page: Buffer): Generator<{ child: number; isOverflow: boolean }> {
  const flags = page.readUInt16LE(FLAGS_AT);
  if ((flags & (BRANCH | LEAF)) === 0) return;
  const count = Math.min(page.readUInt16LE(LOWER_AT), page.length - HEAD) >> 1;
  for (let i = 0; i < count; i += 1) {
    const at = HEAD + page.readUInt16LE(HEAD + 2 * i);
    if (at + NODE_HEAD > page.length) continue;
    const nodeFlags = page.readUInt16LE(at + 4);
    if ((flags & BRANCH) !== 0) {
      yield { child: page.readUInt32LE(at) + nodeFlags * 2 ** 32, isOverflow: false };
    } else if ((nodeFlags & BIG_DATA) !== 0) {
      const data = at + NODE_HEAD + page.readUInt16LE(at + 6);
      if (data + 8 <= page.length) yield { child: numberAt(page, data), isOverflow: true };
    }
  }
}

/** How many pages a large record takes, as its first one says; where even that is not there: one. */
function overflowPages(file: number, at: number): number {
  const head = Buffer.alloc(HEAD);
  const isThere = readSync(file, head, 0, HEAD, at) === HEAD;
  return isThere ? Math.max(1, head.readUInt32LE(LOWER_AT)) : 1;
}
