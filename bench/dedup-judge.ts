/**
 * Judges deduplication against the truth of `dedup-corpus.ts`. Shares nothing with the code under test: words by Unicode's classes, 53-bit
 * hashes of word 5-grams, and every pair of texts with a Jaccard similarity of .7 or more, found exactly by prefix filtering (Bayardo et al.
 * 2007): two sets so alike have a member in common among the rarest three tenths of each.
 */
import type { CorpusDocument } from "./dedup-corpus.ts";

export const judgeThreshold = 0.7;
const GRAM = 5;

/** Sorted distinct 53-bit hashes; a text of fewer words is one gram. */
function grams(text: string): Float64Array {
  const words = (text.toLowerCase().match(/[\p{L}\p{N}\p{M}_]+/gu) ?? []).map(word => {
    let [a, b] = [0xdeadbeef, 0x41c6ce57];
    for (let i = 0; i < word.length; i++) {
      const c = word.charCodeAt(i);
      a = Math.imul(a ^ c, 2654435761);
      b = Math.imul(b ^ c, 1597334677);
    }
    return [a ^ (b >>> 15), b ^ (a >>> 13)] as const;
  });
  const count = words.length === 0 ? 0 : Math.max(1, words.length - GRAM + 1);
  const all = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let [a, b] = [1, 2];
    for (const [x, y] of words.slice(i, i + GRAM)) {
      a = Math.imul(a ^ x, 0x85ebca6b) ^ (a >>> 16);
      b = Math.imul(b ^ y, 0xc2b2ae35) ^ (b >>> 15);
    }
    all[i] = (a >>> 0) * 2 ** 21 + ((b >>> 0) & (2 ** 21 - 1));
  }
  all.sort();
  return all.filter((g, i) => i === 0 || g !== all[i - 1]);
}

function similarity(a: Float64Array, b: Float64Array): number {
  let [i, j, both] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) both++;
    const step = a[i]! - b[j]!;
    if (step <= 0) i++;
    if (step >= 0) j++;
  }
  return both / Math.max(1, a.length + b.length - both);
}

function disjointSets(n: number) {
  const parent = Int32Array.from({ length: n }, (_, i) => i);
  const find = (x: number): number => {
    let at = x;
    while (parent[at] !== at) at = parent[at]!;
    parent[x] = at;
    return at;
  };
  const union = (a: number, b: number): void => {
    const [x, y] = [find(a), find(b)];
    parent[Math.max(x, y)] = Math.min(x, y);
  };
  return { find, union };
}

/** A pair of documents made from one mail whose texts differ. */
interface EditedPair {
  readonly a: number;
  readonly b: number;
  readonly similarity: number;
}

export interface Truth {
  /** Of every document a number of its family: made from one mail, or linked by similar texts, over any number of links. */
  readonly families: readonly number[];
  readonly editedPairs: readonly EditedPair[];
  /** Pairs of different texts with a similarity of .7 or more, of one mail or not. */
  readonly alikePairs: number;
  /** Of those, between texts made from different mails. */
  readonly naturalPairs: number;
}

export function truthOf(documents: readonly CorpusDocument[]): Truth {
  const n = documents.length;
  const firstOf = new Map<string, number>();
  const first = documents.map(({ text }, i) => {
    if (!firstOf.has(text)) firstOf.set(text, i);
    return firstOf.get(text)!;
  });
  const unique = [...firstOf.values()];
  const sets = new Map(unique.map(i => [i, grams(documents[i]!.text)] as const));

  // How rare a gram is, counted together with those that share its remainder: any order will do as long as it is one for all.
  const counts = new Uint32Array(2 ** 24);
  const slot = (g: number) => g % counts.length;
  for (const set of sets.values()) for (const g of set) counts[slot(g)]!++;
  const families = disjointSets(n);
  const postings = new Map<number, number[]>();
  let [alikePairs, naturalPairs] = [0, 0];
  for (const i of unique) {
    const mine = sets.get(i)!;
    const rare = [...mine].sort((x, y) => counts[slot(x)]! - counts[slot(y)]! || x - y);
    const candidates = new Set<number>();
    for (const g of rare.slice(0, mine.length - Math.ceil(judgeThreshold * mine.length - 1e-9) + 1)) {
      if (counts[slot(g)] === 1) continue;
      const list = postings.get(g);
      if (!list) postings.set(g, [i]);
      else {
        for (const j of list) candidates.add(j);
        list.push(i);
      }
    }
    for (const j of candidates) {
      if (similarity(mine, sets.get(j)!) < judgeThreshold) continue;
      alikePairs++;
      if (documents[i]!.mail !== documents[j]!.mail) naturalPairs++;
      families.union(i, j);
    }
  }

  const ofMail = new Map<number, number[]>();
  for (const [i, { mail }] of documents.entries()) ofMail.set(mail, [...(ofMail.get(mail) ?? []), i]);
  const editedPairs: EditedPair[] = [];
  for (const members of ofMail.values())
    for (const [k, a] of members.entries()) {
      families.union(members[0]!, a);
      for (const b of members.slice(k + 1))
        if (first[a] !== first[b]) editedPairs.push({ a, b, similarity: similarity(sets.get(first[a]!)!, sets.get(first[b]!)!) });
    }
  for (const [i, f] of first.entries()) families.union(i, f);
  return { families: documents.map((_, i) => families.find(i)), editedPairs, alikePairs, naturalPairs };
}

export interface Quality {
  /** Share of the pairs put together that belong to one family. */
  readonly pairPrecision: number;
  /** Share of the edited pairs with a similarity of .7 or more that were put together. */
  readonly editedRecall: number;
  /** Families of which nothing is left. */
  readonly lostFamilies: number;
  /** Mails of whose documents none is left, although one of another mail that is like them may be. */
  readonly mailsWithoutCopy: number;
  readonly kept: number;
}

/** `clusters` and `kept` by document, as in the corpus. */
export function judge(
  documents: readonly CorpusDocument[],
  truth: Truth,
  { clusters, kept }: { readonly clusters: readonly (number | string)[]; readonly kept: readonly boolean[] },
): Quality {
  const members = new Map<number | string, Map<number, number>>();
  for (const [i, c] of clusters.entries()) {
    const by = members.get(c) ?? new Map<number, number>();
    members.set(c, by.set(truth.families[i]!, (by.get(truth.families[i]!) ?? 0) + 1));
  }
  const pairs = (k: number) => (k * (k - 1)) / 2;
  let [together, right] = [0, 0];
  for (const by of members.values()) {
    together += pairs([...by.values()].reduce((a, b) => a + b, 0));
    for (const k of by.values()) right += pairs(k);
  }
  const alike = truth.editedPairs.filter(p => p.similarity >= judgeThreshold);
  const left = (of: (i: number) => number) => new Set(documents.flatMap((_, i) => (kept[i] ? [of(i)] : []))).size;
  return {
    pairPrecision: together === 0 ? 1 : right / together,
    editedRecall: alike.filter(p => clusters[p.a] === clusters[p.b]).length / Math.max(1, alike.length),
    lostFamilies: new Set(truth.families).size - left(i => truth.families[i]!),
    mailsWithoutCopy: new Set(documents.map(d => d.mail)).size - left(i => documents[i]!.mail),
    kept: kept.filter(Boolean).length,
  };
}
