/**
 * Items in a document. Runs of words are looked up in the index; where one hits, the item's prompt is measured there, then its answer and
 * passage around it; long answers are looked for by themselves too. The score joins them by length. After decon (Ai2, 2025): sampled
 * look-up, expansion, prompt, answer and passage apart, short items only when perfect. Different here: words instead of tokens, shares of
 * words covered instead of runs, answers that stand alone.
 */
import { shingleHashes } from "../near-duplicates/shingles.ts";
import { type Cover, coverer, noCover, windowOf } from "./cover.ts";
import { closed, type Span } from "./cut.ts";
import { type EvaluationIndex, evaluationIndex, type IndexOptions, shortSeed } from "./evaluation-index.ts";
import { type EvaluationItem, type ItemPart, itemParts } from "./items.ts";
import { contaminationForm, contaminationWords } from "./words.ts";

interface SearchOptions extends IndexOptions {
  /** Every so many runs of a document one is looked up. */
  readonly sampleEvery: number;
  /** Words of prompt, answer and passage together from which a partial match counts in full. */
  readonly fullWords: number;
  /** What a partial match loses at `minWords`. */
  readonly shortPenalty: number;
  /** Words before and behind a prompt in which its answer is looked for, at least; twice the answer's length where that is more. */
  readonly answerWindow: number;
  /** The same for a passage, beside its window. */
  readonly passageWindow: number;
}

/** An item at one place of a document. */
export interface ContaminationFinding {
  /** Number of the item. */
  readonly item: number;
  readonly score: number;
  /** Shares of the parts that stand there. */
  readonly shares: Readonly<Record<ItemPart, number>>;
  /** Words of the document where its parts stand. */
  readonly spans: readonly Span[];
}

/** Below this share of a prompt nothing is looked for around it. */
const minShare = 0.4;
/** Below this share an answer or passage that stands by a prompt says nothing. */
const minSupport = 0.5;
/** Words between parts that belong to the item too: "Answer:", "(B)". */
const maxBetween = 8;
/** Places of one part in one document that are measured. */
const maxPlaces = 64;

export interface Searcher {
  readonly index: EvaluationIndex;
  /** All findings in a text, in the order of items and places. */
  find(text: string): ContaminationFinding[];
}

/** Seeds of a part that lie near each other in a document: words at which the first and the last begin, and how many. */
interface Near {
  readonly first: number;
  last: number;
  count: number;
}
/** By part, in the order of the document. */
type Hits = Map<number, Near[]>;

export function searcher(items: readonly EvaluationItem[], o: SearchOptions): Searcher {
  const index = evaluationIndex(items, o);
  const { starts, masses, present, presentShift } = index;
  const cover = coverer(index, o.gramWords);
  const lengthOf = (part: number) => starts[part + 1]! - starts[part]!;

  /** The penalty of short matches; a whole one has none. */
  const weighed = (share: number, length: number): number => {
    if (share >= 1 || length >= o.fullWords) return share;
    const short = Math.min(1, (o.fullWords - length) / Math.max(1, o.fullWords - o.minWords));
    return share * (1 - o.shortPenalty * short);
  };

  /** Where all parts are hit. A document that is nothing but seeds takes no more memory than places that are `maxPlaces` a part. */
  function hitsOf(normal: string): Hits | undefined {
    let hits: Hits | undefined;
    let words: Uint32Array | undefined;
    for (const n of index.lengths) {
      // A view that the next call overwrites.
      const runs = n === shortSeed && words === undefined ? shingleHashes(normal, n).slice() : shingleHashes(normal, n);
      // A short part has one run, which must not be missed.
      const every = n < o.seedWords ? 1 : o.sampleEvery;
      for (let i = 0; i < runs.length; i += every) {
        const run = runs[i]!;
        // Of a stretch of one run every sixteenth says enough.
        if (i >= every && run === runs[i - every] && i % 16 !== 0 && n === o.seedWords) continue;
        const bit = run >>> presentShift;
        if ((present[bit >>> 5]! & (1 << (bit & 31))) === 0) continue;
        index.lookUp(run, (part, at) => {
          const isShort = lengthOf(part) < o.seedWords;
          const place = isShort ? i - at : i;
          if (isShort) {
            words ??= contaminationWords(normal);
            if (!standsAt(part, words, place)) return;
          }
          hits ??= new Map();
          const places = hits.get(part);
          const last = places?.at(-1);
          if (last && (place - last.first <= windowOf(lengthOf(part)) || places!.length === maxPlaces)) {
            last.last = place;
            last.count++;
          } else if (places) places.push({ first: place, last: place, count: 1 });
          else hits.set(part, [{ first: place, last: place, count: 1 }]);
        });
      }
    }
    return hits;
  }

  /** Whether a whole part stands at a word. */
  function standsAt(part: number, text: Uint32Array, place: number): boolean {
    const [from, length] = [starts[part]!, lengthOf(part)];
    if (place < 0 || place + length > text.length) return false;
    for (let k = 0; k < length; k++) if (text[place + k] !== index.words[from + k]) return false;
    return true;
  }

  /** The best of a part on either side of a span, none of it within. */
  const around = (part: number, words: Uint32Array, [from, to]: readonly [number, number], reach: number): Cover => {
    const behind = cover(part, words, to, to + reach);
    if (behind.share === 1) return behind;
    const before = cover(part, words, from - reach, from);
    return before.share > behind.share ? before : behind;
  };

  /** One score of several parts, by their weights and lengths; the supporting one counts no more than the others together. */
  function joined(covers: readonly Cover[], owners: readonly number[], support = noCover, supportPart = -1): number {
    let [found, mass, length, isWhole] = [0, 0, 0, true];
    const add = (share: number, partMass: number, partLength: number) => {
      found += share * partMass;
      mass += partMass;
      length += partLength;
      isWhole &&= share === 1;
    };
    covers.forEach((c, i) => {
      add(c.share, masses[owners[i]!]!, lengthOf(owners[i]!));
    });
    if (supportPart >= 0) add(support.share, Math.min(masses[supportPart]!, mass), Math.min(lengthOf(supportPart), length));
    return weighed(isWhole ? 1 : Math.min(found / mass, 1 - Number.EPSILON), length);
  }

  /** The score of an item whose prompt stands at `prompt`. */
  function withPrompt(item: number, words: Uint32Array, prompt: Cover): ContaminationFinding {
    const [p, a, s] = [itemParts.length * item, itemParts.length * item + 1, itemParts.length * item + 2];
    const [promptLength, answerLength] = [lengthOf(p), lengthOf(a)];
    const at = [prompt.from, prompt.to] as const;
    const answer = prompt.share < minShare ? noCover : around(a, words, at, Math.max(o.answerWindow, 2 * answerLength));
    const passage = prompt.share < minShare ? noCover : around(s, words, at, windowOf(lengthOf(s)) + o.passageWindow);
    let score = promptLength >= o.minWords ? weighed(prompt.share, promptLength) : 0;
    if (answer.share >= minSupport && promptLength + answerLength >= o.minPairWords)
      score = Math.max(score, joined([prompt, answer], [p, a]));
    if (passage.share >= minSupport && promptLength + answerLength >= o.minPairWords) {
      // A passage is often public text: it may support the rest and never outweigh it.
      score = Math.max(score, joined([prompt, ...(answer.share >= minSupport ? [answer] : [])], [p, a], passage, s));
    }
    const spans = closed([prompt, answer, passage].filter(c => c.share > 0).map(spanOf), maxBetween);
    return { item, score, shares: { prompt: prompt.share, answer: answer.share, passage: passage.share }, spans };
  }

  /** One edited word hides no more at an edge than a run is long. */
  const spanOf = ({ from, to, head, tail }: Cover): Span => ({
    from,
    to,
    head: Math.min(head, o.gramWords),
    tail: Math.min(tail, o.gramWords),
  });

  /** Places of a part around its hits; a short one counts only whole, and that was seen. */
  function placesOf(part: number, hits: readonly Near[], words: Uint32Array): Cover[] {
    const length = lengthOf(part);
    if (length < o.seedWords) return hits.map(({ first }) => ({ share: 1, from: first, to: first + length, head: 0, tail: 0 }));
    const reach = windowOf(length);
    // Of a long part that stands there with every fifth word changed a third of the seeds is left: a twelfth is asked for, here and next to here.
    const minHits = Math.max(1, Math.floor((length - o.seedWords + 1) / 12 / o.sampleEvery));
    const found: Cover[] = [];
    for (const [i, { first, last, count }] of hits.entries()) {
      const [left, right] = [hits[i - 1], hits[i + 1]];
      const near = count + (left && first - left.last <= reach ? left.count : 0) + (right && right.first - last <= reach ? right.count : 0);
      const before = found.at(-1)?.to ?? 0;
      if (near < minHits || last < before) continue;
      const best = cover(part, words, Math.max(first - reach, before), last + reach);
      if (best.share > 0) found.push(best);
    }
    return found;
  }

  return {
    index,
    find(text) {
      const normal = contaminationForm(text);
      const hits = hitsOf(normal);
      if (hits === undefined) return [];
      const words = contaminationWords(normal);
      const findings: ContaminationFinding[] = [];
      for (const part of [...hits.keys()].sort((a, b) => a - b)) {
        const item = Math.floor(part / itemParts.length);
        const places = placesOf(part, hits.get(part)!, words);
        if (part % itemParts.length === 0) for (const prompt of places) findings.push(withPrompt(item, words, prompt));
        else
          for (const answer of places)
            findings.push({
              item,
              score: weighed(answer.share, lengthOf(part)),
              shares: { prompt: 0, answer: answer.share, passage: 0 },
              spans: [spanOf(answer)],
            });
      }
      return findings;
    },
  };
}
