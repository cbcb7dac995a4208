/**
 * Remembers how pieces were encoded, without strings. Two tables of fixed size, so memory is bounded whatever comes:
 *  - `near`: pieces of 2 to 7 bytes that gave one or two ids, the bytes themselves as key; four words a slot (bytes 0-3; bytes 4-6 and
 *    the length; first id; second id or -1). Two slots may hold a piece; a newcomer overwrites one of them.
 *  - `far`: all others up to 128 bytes, by hash, checked against the bytes in an arena; emptied when it is full.
 */

/** Bytes of the longest piece in `near`: with the length they fill two words. */
export const NEAR = 7;
/** Longer pieces are rare and seldom come twice. */
export const FAR = 128;
const NEAR_SLOTS = 1 << 15; // 512 kB: stays in the second cache; on mails 97 % of short pieces are found
const FAR_SLOTS = 1 << 17;
const FAR_BYTES = 1 << 21;
const FAR_IDS = 1 << 20;

/** Masks of a piece's bytes by its length: the first and the second word. */
const byteMask = (from: number): Int32Array =>
  Int32Array.from({ length: NEAR + 1 }, (_, n) => (n - from >= 4 ? -1 : n <= from ? 0 : (1 << (8 * (n - from))) - 1));
export const firstMask = byteMask(0);
export const secondMask = byteMask(4);

export class PieceCache {
  readonly near = new Int32Array(NEAR_SLOTS * 4);
  readonly nearMask = (NEAR_SLOTS - 1) * 4;
  private turn = 0;

  /** Slots of (hash, offset in `bytes`, length * 2^16 + number of ids, offset in `ids`); hash 0 is an empty slot. */
  private readonly far = new Int32Array(FAR_SLOTS * 4);
  private readonly bytes = new DataView(new ArrayBuffer(FAR_BYTES));
  private readonly ids = new Uint32Array(FAR_IDS);
  private numBytes = 0;
  private numIds = 0;
  private numFar = 0;
  /** Where the last `findFar` looked in vain: its slot and hash, which `addFar` takes over. */
  private missed = 0;
  private missedHash = 0;

  /** Puts a short piece (its two key words) with one id, or two, into one of its slots. */
  addNear(first: number, second: number, slot: number, id: number, secondId: number): void {
    const { near } = this;
    let at = slot;
    if (near[at + 1] !== 0) {
      at ^= 4;
      // Both are taken: the two slots give way in turn.
      if (near[at + 1] !== 0 && (this.turn++ & 1) === 1) at = slot;
    }
    near[at] = first;
    near[at + 1] = second;
    near[at + 2] = id;
    near[at + 3] = secondId;
  }

  /** Writes the ids of the piece `[at, at + length)` of `view` into `out` at `o` and returns how many, or -1 where it is not known. */
  findFar(view: DataView, at: number, length: number, out: Uint32Array, o: number): number {
    const { far, bytes, ids } = this;
    const words = length & ~3;
    const rest = length === words ? 0 : view.getInt32(at + words, true) & ((1 << (8 * (length - words))) - 1);
    let h = Math.imul(length ^ rest, 0x9e3779b1);
    for (let i = 0; i < words; i += 4) h = Math.imul(h ^ (h >>> 15) ^ view.getInt32(at + i, true), 0x85ebca6b);
    h = (h ^ (h >>> 15)) | 1;
    let slot = (h >>> 1) & (FAR_SLOTS - 1);
    for (; far[slot * 4] !== 0; slot = (slot + 1) & (FAR_SLOTS - 1)) {
      const s = slot * 4;
      if (far[s] !== h || far[s + 2]! >>> 16 !== length) continue;
      const from = far[s + 1]!;
      let i = 0;
      while (i < words && bytes.getInt32(from + i, true) === view.getInt32(at + i, true)) i += 4;
      while (i < length && i >= words && bytes.getUint8(from + i) === view.getUint8(at + i)) i++;
      if (i < length) continue;
      const n = far[s + 2]! & 0xffff;
      const first = far[s + 3]!;
      for (let k = 0; k < n; k++) out[o + k] = ids[first + k]!;
      return n;
    }
    this.missed = slot;
    this.missedHash = h;
    return -1;
  }

  /** Remembers the piece that `findFar` just missed with its ids, `out[o, o + n)`. */
  addFar(view: DataView, at: number, length: number, out: Uint32Array, o: number, n: number): void {
    if (length > FAR) return;
    if (this.numFar * 2 >= FAR_SLOTS || this.numBytes + length > FAR_BYTES || this.numIds + n > FAR_IDS) {
      this.far.fill(0);
      this.numBytes = this.numIds = this.numFar = 0;
      this.missed = (this.missedHash >>> 1) & (FAR_SLOTS - 1);
    }
    const s = this.missed * 4;
    this.far[s] = this.missedHash;
    this.far[s + 1] = this.numBytes;
    this.far[s + 2] = (length << 16) | n;
    this.far[s + 3] = this.numIds;
    for (let i = 0; i < length; i++) this.bytes.setUint8(this.numBytes++, view.getUint8(at + i));
    for (let k = 0; k < n; k++) this.ids[this.numIds++] = out[o + k]!;
    this.numFar++;
  }
}
