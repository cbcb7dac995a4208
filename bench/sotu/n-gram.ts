/** A language model of bytes: n-grams with Witten and Bell's interpolation (1991), each order backing off to the next shorter one. */

/** Bytes of a context in a number: exact up to five. */
const keyOf = (bytes: Uint8Array, from: number, to: number): number => {
  let key = to - from;
  for (let i = from; i < to; i++) key = key * 256 + bytes[i]!;
  return key;
};

export interface ByteModel {
  /** Bits of a text, a byte, on average. */
  bitsPerByte(text: string): number;
}

export function trainBytes(texts: readonly string[], order = 5): ByteModel {
  /** By context: how often it came, how many bytes followed it, and each one's count. */
  const contexts = new Map<number, { total: number; readonly next: Map<number, number> }>();
  const encoder = new TextEncoder();
  for (const text of texts) {
    const bytes = encoder.encode(text);
    for (let i = 0; i < bytes.length; i++)
      for (let n = 0; n < order && n <= i; n++) {
        const key = keyOf(bytes, i - n, i);
        const found = contexts.get(key) ?? { total: 0, next: new Map<number, number>() };
        contexts.set(key, found);
        found.total++;
        found.next.set(bytes[i]!, (found.next.get(bytes[i]!) ?? 0) + 1);
      }
  }
  const chance = (bytes: Uint8Array, i: number): number => {
    let p = 1 / 256;
    for (let n = 0; n < order && n <= i; n++) {
      const found = contexts.get(keyOf(bytes, i - n, i));
      // a context that never came says nothing, and no longer one came either
      if (!found) break;
      const kinds = found.next.size;
      p = ((found.next.get(bytes[i]!) ?? 0) + kinds * p) / (found.total + kinds);
    }
    return p;
  };
  return {
    bitsPerByte(text) {
      const bytes = encoder.encode(text);
      let bits = 0;
      for (let i = 0; i < bytes.length; i++) bits -= Math.log2(chance(bytes, i));
      return bits / bytes.length;
    },
  };
}
