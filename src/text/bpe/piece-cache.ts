/**
 * Remembers how pieces were encoded, without strings. Three tables of fixed size, so memory is bounded whatever comes:
 *  - `near`: pieces of 2 to 7 bytes that gave up to 5 ids, the bytes themselves as key: 8 words a slot (bytes 0-3; bytes 4-6 and the
 *    length; number of ids; 5 ids);
 *  - `mid`: pieces of 8 to 15 bytes that gave up to 11 ids: 16 words a slot (bytes 0-11; bytes 12-14 and the length; number; 11 ids);
 *  - `far`: all others up to 128 bytes, by hash, checked against the bytes in an arena; emptied when it is full.
 * In the first two a piece has two slots to be in; a newcomer overwrites one of them.
 */

/** Bytes of the longest piece in `near` and in `mid`: with the length they fill two words, or four. */
export const NEAR = 7;
export const MID = 15;
/** Longer pieces are rare and seldom come twice. */
export const FAR = 128;
/** Ids that a slot holds. */
export const NEAR_IDS = 5;
export const MID_IDS = 11;
const NEAR_SLOTS = 1 << 15; // 1 MB: with the next it fits the second cache of a server core
const MID_SLOTS = 1 << 13; // 512 kB
const FAR_SLOTS = 1 << 16;
const FAR_BYTES = 1 << 20;
const FAR_IDS = 1 << 19;
/** Slots looked at: texts made so that their pieces' hashes meet must not make a list of the table. */
const FAR_PROBES = 16;

/** Mask of a piece's bytes `from` to `from + 3` by its length. */
const byteMask = (from: number): Int32Array =>
  Int32Array.from({ length: MID + 1 }, (_, n) => (n - from >= 4 ? -1 : n <= from ? 0 : (1 << (8 * (n - from))) - 1));
export const firstMask = byteMask(0);
export const secondMask = byteMask(4);
export const thirdMask = byteMask(8);
export const fourthMask = byteMask(12);

export class PieceCache {
  readonly near = new Int32Array(NEAR_SLOTS * 8);
  readonly nearMask = (NEAR_SLOTS - 1) * 8;
  readonly mid = new Int32Array(MID_SLOTS * 16);
  readonly midMask = (MID_SLOTS - 1) * 16;
  private turn = 0;

  /** Slots of (hash, offset in `bytes`, length * 2^16 + number of ids, offset in `ids`); hash 0 is an empty slot. */
  private readonly far = new Int32Array(FAR_SLOTS * 4);
  private readonly bytes = new DataView(new ArrayBuffer(FAR_BYTES));
  private readonly ids = new Uint32Array(FAR_IDS);
  private numBytes = 0;
  private numIds = 0;
  private numFar = 0;
  /** What the last `findFar` looked for in vain: its hash, and the slot that `addFar` takes, free or not. */
  private missed = 0;
  private missedHash = 0;

  /** The slot of the two where a newcomer goes: a free one, else either in turn. `lengthWord` of an empty slot is 0. */
  private place(table: Int32Array, slot: number, other: number, lengthWord: number): number {
    if (table[slot + lengthWord] === 0) return slot;
    return table[other + lengthWord] === 0 || (this.turn++ & 1) === 0 ? other : slot;
  }

  /** Remembers a short piece by its key words with its ids `out[o, o + n)`. */
  addNear(first: number, second: number, slot: number, out: Uint32Array, o: number, n: number): void {
    const { near } = this;
    const at = this.place(near, slot, slot ^ 8, 1);
    near[at] = first;
    near[at + 1] = second;
    near[at + 2] = n;
    for (let i = 0; i < n; i++) near[at + 3 + i] = out[o + i]!;
  }

  /** The same for a piece of middle length. */
  addMid(first: number, second: number, third: number, fourth: number, slot: number, out: Uint32Array, o: number, n: number): void {
    const { mid } = this;
    const at = this.place(mid, slot, slot ^ 16, 3);
    mid[at] = first;
    mid[at + 1] = second;
    mid[at + 2] = third;
    mid[at + 3] = fourth;
    mid[at + 4] = n;
    for (let i = 0; i < n; i++) mid[at + 5 + i] = out[o + i]!;
  }

  /** Writes the ids of the piece `[at, at + length)` of `view` into `out` at `o` and returns how many, or -1 where it is not known. */
  findFar(view: DataView, at: number, length: number, out: Uint32Array, o: number): number {
    const { far, bytes, ids } = this;
    const words = length & ~3;
    const rest = length === words ? 0 : view.getInt32(at + words, true) & ((1 << (8 * (length - words))) - 1);
    let h = Math.imul(length ^ rest, 0x9e3779b1);
    for (let i = 0; i < words; i += 4) h = Math.imul(h ^ (h >>> 15) ^ view.getInt32(at + i, true), 0x85ebca6b);
    h = (h ^ (h >>> 15)) | 1;
    this.missedHash = h;
    this.missed = (h >>> 1) & (FAR_SLOTS - 1);
    for (let probe = 0; probe < FAR_PROBES; probe++) {
      const slot = ((h >>> 1) + probe) & (FAR_SLOTS - 1);
      const s = slot * 4;
      if (far[s] === 0) {
        this.missed = slot;
        break;
      }
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
    return -1;
  }

  /** Remembers the piece that `findFar` just missed with its ids, `out[o, o + n)`. */
  addFar(view: DataView, at: number, length: number, out: Uint32Array, o: number, n: number): void {
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
