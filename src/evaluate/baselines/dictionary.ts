/**
 * A raw dictionary for a compressor: the passages of the train side that say most about the rest. Strings of eight bytes are counted by the
 * number of documents that hold them; from each stretch of the corpus the passage with the highest sum of counts is taken, its strings are
 * worth nothing from then on, and the best passages stand last, where they are cheapest to refer to. Idea: zstd's COVER builder (Liao et al.
 * 2016), with hashed counts as in its "fast" variant; entropy tables are not built.
 */

/** Bytes of a counted string. */
const unit = 8;
/** Bytes of a passage. */
const passage = 256;
const hashBits = 20;

/** Hash of the eight bytes at `i`. */
function hashAt(b: Buffer, i: number): number {
  const low = b.readUInt32LE(i);
  const high = b.readUInt32LE(i + 4);
  return Math.imul(Math.imul(low, 0x9e3779b1) ^ high, 0x85ebca6b) >>> (32 - hashBits);
}

/** Builds a dictionary of at most `size` bytes. A train side that is smaller than that is taken whole. */
export function buildDictionary(texts: readonly string[], size: number): Buffer {
  const documents = texts.map(t => Buffer.from(`${t}\n`));
  const total = documents.reduce((n, d) => n + d.length, 0);
  if (total <= size) return Buffer.concat(documents);
  const corpus = Buffer.concat(documents);

  const count = new Uint32Array(1 << hashBits);
  const lastSeen = new Uint32Array(1 << hashBits);
  let start = 0;
  for (const [d, document] of documents.entries()) {
    for (let i = start; i + unit <= start + document.length; i++) {
      const h = hashAt(corpus, i);
      if (lastSeen[h] === d + 1) continue;
      lastSeen[h] = d + 1;
      count[h] = count[h]! + 1;
    }
    start += document.length;
  }
  // A string of one document alone helps no other.
  for (let h = 0; h < count.length; h++) if (count[h] === 1) count[h] = 0;

  const wanted = Math.floor(size / passage);
  const stretch = Math.floor(corpus.length / wanted);
  const inside = passage - unit + 1;
  const chosen: { readonly at: number; readonly worth: number }[] = [];
  /** How often a string is inside the window: it counts once. */
  const active = new Uint16Array(1 << hashBits);
  for (let k = 0; k < wanted; k++) {
    const from = k * stretch;
    const to = Math.min(corpus.length - unit, from + Math.max(stretch, passage));
    let worth = 0;
    let best = { at: from, worth: -1 };
    const entered: number[] = [];
    for (let i = from; i < to; i++) {
      const h = hashAt(corpus, i);
      entered.push(h);
      if (active[h] === 0) worth += count[h]!;
      active[h] = active[h]! + 1;
      if (entered.length > inside) {
        const gone = entered[entered.length - 1 - inside]!;
        active[gone] = active[gone]! - 1;
        if (active[gone] === 0) worth -= count[gone]!;
      }
      if (entered.length >= inside && worth > best.worth) best = { at: i - inside + 1, worth };
    }
    for (const h of entered) active[h] = 0;
    if (best.worth <= 0) continue;
    chosen.push(best);
    for (let i = best.at; i < best.at + inside; i++) count[hashAt(corpus, i)] = 0;
  }
  chosen.sort((a, b) => a.worth - b.worth || a.at - b.at);
  return Buffer.concat(chosen.map(c => corpus.subarray(c.at, c.at + passage)));
}
