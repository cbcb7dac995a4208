/**
 * Which tokens may come next, as a bit for each. Most tokens are decided by the innermost rule alone (the inside of a string, say) and are so
 * decided once for all places that look the same from above; a few leave the rule, and from the byte where they do, they are followed with
 * the real stack. The split is XGrammar's (Dong et al. 2024); the walk over a flat tree of the vocabulary llguidance's.
 */
import { constrainLimits } from "./limits.ts";
import type { Configuration, Recogniser } from "./recogniser.ts";
import type { TokenTree, TokenVocabulary } from "./vocabulary.ts";

/** What the innermost rule decides of the tokens of one tree. */
interface LocalMask {
  readonly bits: Uint32Array;
  /** Nodes of the tree at which a token leaves the rule: what lies below them depends on the stack. */
  readonly leaves: readonly number[];
}

export class TokenMasks {
  readonly #recogniser: Recogniser;
  readonly #vocabulary: TokenVocabulary;
  readonly #local: Map<Configuration, LocalMask>[];
  #whole = new Map<Configuration, Uint32Array>();
  readonly #path: (Configuration | undefined)[];
  readonly #words: number;
  /** Masks that are kept of each kind. */
  readonly #most: number;

  constructor(recogniser: Recogniser, vocabulary: TokenVocabulary) {
    this.#recogniser = recogniser;
    this.#vocabulary = vocabulary;
    this.#local = vocabulary.trees.map(() => new Map());
    this.#path = new Array<Configuration | undefined>(Math.max(0, ...vocabulary.trees.map(t => t.longest)) + 1);
    this.#words = (vocabulary.size + 31) >>> 5;
    this.#most = Math.max(16, Math.floor(constrainLimits.keptMaskBytes / (4 * this.#words * (vocabulary.trees.length + 1))));
  }

  /** Bit `i & 31` of word `i >> 5` says that token i may come; not to be changed. */
  of(at: Configuration): Uint32Array {
    const known = this.#whole.get(at);
    if (known) return known;
    this.#recogniser.work = constrainLimits.work;
    const bits = new Uint32Array(this.#words);
    for (const [i, tree] of this.#vocabulary.trees.entries()) {
      const local = this.#localOf(tree, this.#local[i]!, this.#recogniser.view(at, tree.longest));
      for (let w = 0; w < bits.length; w++) bits[w]! |= local.bits[w]!;
      if (local.leaves.length > 0) this.#follow(tree, at, local.leaves, bits);
      if (at.isTracking) this.#avoid(tree, at, bits);
    }
    if (this.#whole.size >= this.#most) this.#whole = new Map();
    this.#whole.set(at, bits);
    return bits;
  }

  #localOf(tree: TokenTree, kept: Map<Configuration, LocalMask>, view: Configuration): LocalMask {
    const known = kept.get(view);
    if (known) return known;
    const bits = new Uint32Array(this.#words);
    const leaves: number[] = [];
    this.#walk(tree, view, 0, tree.numNodes, 0, bits, leaves);
    const made = { bits, leaves };
    if (kept.size >= this.#most) kept.clear();
    kept.set(view, made);
    return made;
  }

  /** Sets the bits of tokens of nodes [from, to), which lie below depth `base`, read from `start`; notes where they leave. */
  #walk(
    tree: TokenTree,
    start: Configuration,
    from: number,
    to: number,
    base: number,
    bits: Uint32Array,
    leaves: number[] | undefined,
  ): void {
    const { byte, depth, end, first, tokens } = tree;
    const recogniser = this.#recogniser;
    const { classOf } = recogniser.machine;
    const path = this.#path;
    path[base] = start;
    let noted = 0;
    for (let i = from; i < to; ) {
      const d = depth[i]!;
      const before = path[d - 1]!;
      let next = before.next[classOf[byte[i]!]!];
      if (next === undefined) next = recogniser.step(before, byte[i]!);
      if (next === null) {
        i = end[i]!;
        continue;
      }
      path[d] = next;
      for (let k = first[i]!; k < first[i + 1]!; k++) {
        const id = tokens[k]!;
        bits[id >>> 5]! |= 1 << (id & 31);
      }
      // what lies below a node that is noted is followed from there
      if (leaves && next.hasLeft && i >= noted && end[i]! > i + 1) {
        leaves.push(i);
        noted = end[i]!;
      }
      if (next.threads.length === 0) i = end[i]!;
      else i++;
    }
  }

  /** Takes out tokens that lead through a text that must not come again, unless another reading allows them. */
  #avoid(tree: TokenTree, at: Configuration, bits: Uint32Array): void {
    const { end, first, tokens } = tree;
    for (const rest of this.#recogniser.deadEnds(at)) {
      const bytes = Buffer.from(rest, "latin1");
      const node = nodeOf(tree, bytes);
      if (node === undefined) continue;
      for (let k = first[node]!; k < first[end[node]!]!; k++) bits[tokens[k]! >>> 5]! &= ~(1 << (tokens[k]! & 31));
      const there = this.#recogniser.read(at, bytes);
      if (!there) continue;
      for (let k = first[node]!; k < first[node + 1]!; k++) bits[tokens[k]! >>> 5]! |= 1 << (tokens[k]! & 31);
      this.#walk(tree, there, node + 1, end[node]!, bytes.length, bits, undefined);
    }
  }

  /** Follows tokens beyond the places where they leave the innermost rule. */
  #follow(tree: TokenTree, at: Configuration, leaves: readonly number[], bits: Uint32Array): void {
    const { end, depth, first, tokens } = tree;
    for (const leaf of leaves) {
      // any token below the node begins with the node's bytes
      const d = depth[leaf]!;
      const bytes = this.#vocabulary.bytesOf(tokens[first[end[leaf]!]! - 1]!)!;
      const there = this.#recogniser.read(at, bytes.subarray(0, d));
      if (there) this.#walk(tree, there, leaf + 1, end[leaf]!, d, bits, undefined);
    }
  }
}

/** The node that bytes lead to; undefined where no token begins with them. */
function nodeOf({ byte, depth, end, numNodes }: TokenTree, bytes: Uint8Array): number | undefined {
  let from = 0;
  let to = numNodes;
  let found: number | undefined;
  for (let d = 0; d < bytes.length; d++) {
    found = undefined;
    for (let i = from; i < to; i = end[i]!)
      if (depth[i] === d + 1 && byte[i] === bytes[d]) {
        found = i;
        break;
      }
    if (found === undefined) return undefined;
    from = found + 1;
    to = end[found]!;
  }
  return found;
}
