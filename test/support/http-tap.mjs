/**
 * Reads HTTP/1.1 messages out of a stream of bytes, as far as agents and collectors speak it: a head, and
 * a body of `content-length` bytes. Whatever is not that ends the reading of this connection.
 */
const HEAD_END = "\r\n\r\n";
const MAX_HEAD_BYTES = 64 * 1024;

export class HttpTap {
  #onMessage;
  #parts = [];
  #length = 0;
  #head;
  #isLost = false;

  /** `onMessage({ status?, method?, path?, bytes, body })`, once the whole body was seen. */
  constructor(onMessage) {
    this.#onMessage = onMessage;
  }

  push(bytes) {
    if (this.#isLost) return;
    this.#parts.push(bytes);
    this.#length += bytes.length;
    while (this.#next());
  }

  #next() {
    if (this.#head === undefined) {
      const all = this.#all();
      const end = all.indexOf(HEAD_END);
      if (end < 0) {
        this.#isLost = this.#length > MAX_HEAD_BYTES;
        return false;
      }
      this.#head = headOf(all.subarray(0, end).toString("latin1"));
      this.#keep(all.subarray(end + HEAD_END.length));
      if (this.#head === undefined) {
        this.#isLost = true;
        return false;
      }
    }
    if (this.#length < this.#head.bytes) return false;
    const all = this.#all();
    const body = Buffer.from(all.subarray(0, this.#head.bytes));
    this.#keep(all.subarray(this.#head.bytes));
    const head = this.#head;
    this.#head = undefined;
    this.#onMessage({ ...head, body });
    return this.#length > 0;
  }

  #all() {
    if (this.#parts.length !== 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0];
  }

  #keep(rest) {
    this.#parts = [rest];
    this.#length = rest.length;
  }
}

function headOf(text) {
  const [first, ...lines] = text.split("\r\n");
  const [one, two] = first.split(" ");
  const length = lines.find((line) => /^content-length:/i.test(line));
  const isReply = one.startsWith("HTTP/");
  if (!isReply && !/^[A-Z]+$/.test(one)) return undefined;
  const bytes = length === undefined ? 0 : Number(length.slice(length.indexOf(":") + 1));
  if (!Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  return isReply ? { status: Number(two), bytes } : { method: one, path: two, bytes };
}
