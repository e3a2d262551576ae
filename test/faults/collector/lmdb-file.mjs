/**
 * Where every live record lies in an LMDB file, told without LMDB: the faults flip bytes in what is in use,
 * not in free pages. The layout is that of the LMDB inside lmdb 3.5 (data version 2, 64 bits):
 *
 *     page      | number 8 | txn 8 | pad 2 | flags 2 | lower 2 | upper 2 |  pointers, 2 each ...   24 bytes of head
 *                 overflow: lower and upper are one number, how many pages
 *     node      | low 2 | high 2 | flags 2 | key size 2 | key | data |     pointers count from behind the head
 *                 leaf: low + high = data size; flags 1: the data are the number of an overflow page
 *                 branch: low + high + flags = number of the child
 *     meta      behind the head: magic 4, version 4, address 8, map size 8, two trees of 48, last page 8, txn 8
 *     tree      | pad 4 | flags 2 | depth 2 | branch, leaf, overflow pages, entries: 8 each | root 8 |
 */
import { readFileSync } from "node:fs";

const HEAD = 24;
const BRANCH = 1;
const LEAF = 2;
const BIG_DATA = 1;
const MAGIC = 0xbe_ef_c0_de;
const MAIN_TREE_AT = 24 + 48;
const ROOT_AT = 40;
const TXN_AT = 24 + 48 * 2 + 8;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** A tree and its pages: `records` are { key, keyAt, at, length } with places in the file. */
export function readLmdb(path) {
  const file = readFileSync(path);
  const pageBytes = 4_096;
  const meta = [0, 1]
    .map((page) => page * pageBytes + HEAD)
    .filter((at) => file.readUInt32LE(at) === MAGIC)
    .reduce((a, b) =>
      file.readBigUInt64LE(b + TXN_AT) > file.readBigUInt64LE(a + TXN_AT) ? b : a,
    );
  const tree = meta + MAIN_TREE_AT;
  const entryCount = Number(file.readBigUInt64LE(tree + 32));
  const pageCount = [8, 16, 24].reduce(
    (sum, at) => sum + Number(file.readBigUInt64LE(tree + at)),
    0,
  );
  const records = [];
  const heads = [];
  const root = file.readBigUInt64LE(tree + ROOT_AT);
  const visit = (page) => {
    const at = page * pageBytes;
    heads.push(at);
    const flags = file.readUInt16LE(at + 18);
    const count = file.readUInt16LE(at + 20) >> 1;
    for (let i = 0; i < count; i += 1) {
      const node = at + HEAD + file.readUInt16LE(at + HEAD + 2 * i);
      const low = file.readUInt16LE(node);
      const high = file.readUInt16LE(node + 2);
      const nodeFlags = file.readUInt16LE(node + 4);
      const keyBytes = file.readUInt16LE(node + 6);
      if ((flags & BRANCH) !== 0) visit(low + high * 2 ** 16 + nodeFlags * 2 ** 32);
      else if ((flags & LEAF) !== 0) {
        const keyAt = node + 8;
        const length = low + high * 2 ** 16;
        const data = keyAt + keyBytes;
        const isBig = (nodeFlags & BIG_DATA) !== 0;
        const dataAt = isBig ? Number(file.readBigUInt64LE(data)) * pageBytes + HEAD : data;
        const key = Buffer.from(file.subarray(keyAt, data));
        records.push({ key, keyAt, at: dataAt, length });
      }
    }
  };
  if (root !== NO_PAGE) visit(Number(root));
  if (records.length !== entryCount)
    throw new Error(`${records.length} records found of ${entryCount}: is the layout another?`);
  return { records, pageCount, pageBytes, fileBytes: file.length, heads };
}
