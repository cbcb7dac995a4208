/**
 * Token n-gram models with interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998, section 4.1.6; lower orders over continuation
 * counts, Kneser & Ney 1995). A document is its tokens and an end mark; one begin mark is context only, and n-grams that start with it
 * keep their raw counts (nothing can stand before them), as in KenLM. The lowest order is interpolated with the uniform distribution over
 * tokens and end, so every token has a probability and they sum to 1.
 */
import { column, type GramColumn, type GramTable, gramTable } from "./gram-table.ts";
import { type BaselineScore, baselineScore } from "./score.ts";

export interface NgramModel {
  readonly order: number;
  /** Distinct n-grams of each order, the unigrams first. */
  readonly sizes: readonly number[];
  /** Probability of a token (or of `end`) after a document's tokens so far. */
  probability(context: ArrayLike<number>, token: number): number;
  /** Cost of a whole document with its end, in bits. */
  bits(tokens: ArrayLike<number>): number;
  /** The end mark: the number behind the last token. */
  readonly end: number;
}

/** Discounts of counts 1, 2, and 3 and more. */
type Discounts = readonly [number, number, number];

/** Chen & Goodman's estimates from how many n-grams occur once to four times; where a corpus is too small for them, one discount for all. */
export function discountsOf([n1, n2, n3, n4]: readonly [number, number, number, number]): Discounts {
  const y = n1 + 2 * n2 > 0 ? n1 / (n1 + 2 * n2) : 0.5;
  if (n1 > 0 && n2 > 0 && n3 > 0 && n4 > 0) {
    const d: Discounts = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
    if (d.every((x, i) => x > 0 && x <= i + 1)) return d;
  }
  const one = y > 0 && y < 1 ? y : 0.5;
  return [one, one, one];
}

const discount = (d: Discounts, count: number): number => (count === 0 ? 0 : d[Math.min(count, 3) - 1]!);

function countsOfCounts(values: Uint32Array, size: number): [number, number, number, number] {
  const n: [number, number, number, number] = [0, 0, 0, 0];
  for (let i = 0; i < size; i++) {
    const c = values[i]!;
    if (c >= 1 && c <= 4) n[c - 1] = n[c - 1]! + 1;
  }
  return n;
}

/** One order of the finished model: counts of its n-grams, and of each context the sum and the discounted mass. */
interface Level {
  readonly grams: GramTable;
  readonly counts: Uint32Array;
  readonly discounts: Discounts;
  readonly total: Uint32Array;
  readonly mass: Float64Array;
}

/**
 * Learns a model. `vocabulary` is the number of tokens (numbers 0 to vocabulary - 1); a token beyond it is a RangeError.
 * Time: order - 1 look-ups a token. Memory: about 45 bytes a distinct n-gram of each order above the first.
 */
export function trainNgram(order: number, vocabulary: number, documents: Iterable<ArrayLike<number>>): NgramModel {
  if (!Number.isInteger(order) || order < 2) throw new RangeError(`ngram: expected an order of 2 or more, got ${order}`);
  const end = vocabulary;
  const begin = vocabulary + 1;
  const valid = (token: number) => {
    if (!(token >= 0 && token < vocabulary)) throw new RangeError(`ngram: expected a token below ${vocabulary}, got ${token}`);
    return token;
  };
  /** tables[k] holds n-grams of k + 2 tokens; their prefixes are numbers of tables[k - 1], or tokens. */
  const tables: GramTable[] = Array.from({ length: order - 1 }, () => gramTable());
  const counts: GramColumn[] = tables.map(() => column());
  const unigrams = new Uint32Array(vocabulary + 1);

  /** state[k] is the number of the (k + 1)-gram that ends at the last token. */
  const state = new Uint32Array(order - 1);
  const next = new Uint32Array(order - 1);
  for (const tokens of documents) {
    state[0] = begin;
    // Tokens of context so far, the begin mark included.
    let known = 1;
    for (let i = 0; i <= tokens.length; i++) {
      const token = i < tokens.length ? valid(tokens[i]!) : end;
      next[0] = token;
      for (let k = 0; k < known; k++) {
        const table = tables[k]!;
        const before = table.size;
        const gram = table.insert(state[k]!, token);
        // A new n-gram is one more continuation of the n-gram without its first token.
        if (table.size > before) {
          if (k === 0) unigrams[token] = unigrams[token]! + 1;
          else counts[k - 1]!.add(next[k]!, 1);
        }
        const startsDocument = k === known - 1 && known === i + 1;
        if (k === order - 2 || startsDocument) counts[k]!.add(gram, 1);
        if (k + 1 < order - 1) next[k + 1] = gram;
      }
      state.set(next);
      known = Math.min(known + 1, order - 1);
    }
  }

  const levels: Level[] = tables.map((grams, k) => {
    const values = counts[k]!.values;
    const discounts = discountsOf(countsOfCounts(values, grams.size));
    const contexts = k === 0 ? vocabulary + 2 : tables[k - 1]!.size;
    const total = new Uint32Array(contexts);
    const mass = new Float64Array(contexts);
    for (let g = 0; g < grams.size; g++) {
      const p = grams.prefixOf(g);
      total[p] = total[p]! + values[g]!;
      mass[p] = mass[p]! + discount(discounts, values[g]!);
    }
    return { grams, counts: values, discounts, total, mass };
  });

  const first = discountsOf(countsOfCounts(unigrams, unigrams.length));
  let sum = 0;
  let spare = 0;
  for (const c of unigrams) {
    sum += c;
    spare += discount(first, c);
  }
  const lowest = Float64Array.from(
    unigrams,
    c => (sum === 0 ? 1 : c - discount(first, c) + spare / (vocabulary + 1)) / (sum === 0 ? vocabulary + 1 : sum),
  );

  /** Probability of a token after the contexts in `at` (numbers of the 1-, 2-, ... grams that end there), as many as are `known`. */
  const after = (at: Uint32Array, known: number, token: number): number => {
    let p = lowest[token]!;
    for (let k = 0; k < known; k++) {
      const { grams, counts: c, discounts, total, mass } = levels[k]!;
      const context = at[k]!;
      const all = total[context]!;
      if (all === 0) break;
      const gram = grams.find(context, token);
      const count = gram < 0 ? 0 : c[gram]!;
      p = (count - discount(discounts, count) + mass[context]! * p) / all;
    }
    return p;
  };
  /** Moves `at` behind a token; returns how many contexts are known there. */
  const move = (at: Uint32Array, known: number, token: number): number => {
    let reach = 1;
    next[0] = token;
    for (let k = 0; k < known && k + 1 < order - 1; k++) {
      const gram = levels[k]!.grams.find(at[k]!, token);
      if (gram < 0) break;
      next[k + 1] = gram;
      reach++;
    }
    at.set(next);
    return reach;
  };

  return {
    order,
    end,
    sizes: [vocabulary + 1, ...tables.map(t => t.size)],
    probability(context, token) {
      const at = new Uint32Array(order - 1);
      at[0] = begin;
      let known = 1;
      for (let i = 0; i < context.length; i++) known = move(at, known, valid(context[i]!));
      return after(at, known, token === end ? end : valid(token));
    },
    bits(tokens) {
      const at = new Uint32Array(order - 1);
      at[0] = begin;
      let known = 1;
      let bits = 0;
      for (let i = 0; i < tokens.length; i++) {
        bits -= Math.log2(after(at, known, valid(tokens[i]!)));
        known = move(at, known, tokens[i]!);
      }
      return bits - Math.log2(after(at, known, end));
    },
  };
}

/** Scores an n-gram model over token sequences; `bytes` are the UTF-8 bytes of the held-out texts that the tokens stand for. */
export function ngramBaseline(options: {
  readonly order: number;
  readonly vocabulary: number;
  readonly train: Iterable<ArrayLike<number>>;
  readonly heldOut: readonly ArrayLike<number>[];
  readonly bytes: number;
}): BaselineScore {
  const started = performance.now();
  const model = trainNgram(options.order, options.vocabulary, options.train);
  let bits = 0;
  for (const tokens of options.heldOut) bits += model.bits(tokens);
  return baselineScore(`${options.order}-gram`, bits, options.bytes, started);
}
