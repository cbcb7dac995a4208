/**
 * The tokens of a vocabulary as a tree of their bytes, laid out flat in the order of a walk: the children of a node follow it, and `end` says
 * where its subtree ends, so a walk skips what cannot come without looking at it. There is a tree for each range of lengths: what a form
 * counts only matters to tokens that are long enough to use it up, and few are long. Tokens without text (special ones) are in none.
 */

/** Bytes of the longest tokens of each tree; the last takes what is longer. */
const tiers: readonly number[] = [4, 8, 16];

export class TokenTree {
  /** Bytes of the longest token. */
  readonly longest: number;
  readonly numNodes: number;
  /** Byte that leads to a node; its depth (1 for a single byte); the node after its subtree. */
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  readonly end: Uint32Array;
  /** Tokens that end at node i: `tokens[first[i], first[i + 1])`. */
  readonly first: Uint32Array;
  readonly tokens: Uint32Array;

  /** Of tokens whose bytes are given, none empty. */
  constructor(ids: number[], bytes: readonly (Uint8Array | undefined)[]) {
    ids.sort((a, b) => Buffer.compare(bytes[a]!, bytes[b]!) || a - b);
    const byte: number[] = [];
    const depth: number[] = [];
    const end: number[] = [];
    const first: number[] = [];
    const path: number[] = [];
    let before: Uint8Array = new Uint8Array(0);
    let longest = 0;
    for (const [at, id] of ids.entries()) {
      const b = bytes[id]!;
      longest = Math.max(longest, b.length);
      let shared = 0;
      while (shared < before.length && shared < b.length && before[shared] === b[shared]) shared++;
      while (path.length > shared) end[path.pop()!] = byte.length;
      for (let i = shared; i < b.length; i++) {
        path.push(byte.length);
        byte.push(b[i]!);
        depth.push(i + 1);
        end.push(0);
        // nodes on the way have no tokens: theirs would start where the next one's do
        first.push(at);
      }
      before = b;
    }
    while (path.length > 0) end[path.pop()!] = byte.length;
    first.push(ids.length);
    this.longest = longest;
    this.numNodes = byte.length;
    this.byte = Uint8Array.from(byte);
    this.depth = Uint16Array.from(depth);
    this.end = Uint32Array.from(end);
    this.first = Uint32Array.from(first);
    this.tokens = Uint32Array.from(ids);
  }
}

export class TokenVocabulary {
  /** Rows of a mask: greatest id + 1. */
  readonly size: number;
  readonly trees: readonly TokenTree[];
  readonly #bytes: readonly (Uint8Array | undefined)[];

  /** `bytesOf` gives the text of a token in bytes, undefined where it has none. */
  constructor(size: number, bytesOf: (id: number) => Uint8Array | undefined) {
    const bytes = Array.from({ length: size }, (_, id) => bytesOf(id));
    const byTier: number[][] = [...tiers, 0].map(() => []);
    for (const [id, b] of bytes.entries()) {
      if (!b || b.length === 0 || b.length >= 0xffff) continue;
      const tier = tiers.findIndex(most => b.length <= most);
      byTier[tier < 0 ? tiers.length : tier]!.push(id);
    }
    this.size = size;
    this.trees = byTier.filter(ids => ids.length > 0).map(ids => new TokenTree(ids, bytes));
    this.#bytes = bytes;
  }

  bytesOf(id: number): Uint8Array | undefined {
    const bytes = this.#bytes[id];
    return bytes && bytes.length > 0 ? bytes : undefined;
  }
}
