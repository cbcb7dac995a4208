/**
 * Beam search (Graves 2012; length penalty of Wu et al. 2016) and its diverse form in groups (Vijayakumar et al. 2018): which beams go on
 * and which answers are finished, from the scores of each beam's next token. It knows tokens and numbers, never a model or a cache. Rules
 * and names as in Hugging Face's generation, so that the same options give the same answers.
 */
import { nnErrors } from "../errors.ts";
import { greatestFew } from "./greatest.ts";
import type { History, SamplingOptions } from "./options.ts";
import type { Logits } from "./sample.ts";
import { transformNames, transforms } from "./transforms.ts";

export interface BeamOptions {
  /** Beams that are kept. */
  readonly width: number;
  /** A finished answer's score is its log-probability divided by its length to this power: above 0 favours long answers. */
  readonly lengthPenalty: number;
  /**
   * When enough answers are finished: `true` ends at once; `false` goes on while the best beam, at its length now, beats the worst of them;
   * "never" goes on while it could at any length.
   */
  readonly earlyStopping: boolean | "never";
  /** The beams are split into so many groups, which choose one after the other. */
  readonly groups: number;
  /** Taken off a token's score for each beam of an earlier group that has just chosen it. */
  readonly diversityPenalty: number;
}

export const defaultBeams: BeamOptions = { width: 1, lengthPenalty: 1, earlyStopping: false, groups: 1, diversityPenalty: 0 };

/** The options with defaults filled in. Errors: nn/sampling names the option, its bounds and the value. */
export function beamOptions(given: Partial<BeamOptions> = {}, place = "beams"): BeamOptions {
  const o = { ...defaultBeams, ...given };
  const check = (key: keyof BeamOptions, isRight: boolean, expected: string) => {
    if (!isRight) throw nnErrors.fail("sampling", { place: `${place}.${key}`, expected, received: String(o[key]) });
  };
  check("width", Number.isSafeInteger(o.width) && o.width >= 1, "a whole number from 1");
  check("lengthPenalty", Number.isFinite(o.lengthPenalty), "a finite number");
  check("earlyStopping", o.earlyStopping === "never" || typeof o.earlyStopping === "boolean", 'true, false or "never"');
  check("groups", Number.isSafeInteger(o.groups) && o.groups >= 1 && o.width % o.groups === 0, `a divisor of the width ${o.width}`);
  check("diversityPenalty", Number.isFinite(o.diversityPenalty) && o.diversityPenalty >= 0, "a number from 0");
  return o;
}

/** Log-probabilities of one beam's next token, moved by bias and penalties as sampling moves scores. */
export function beamScores(logits: Logits, history: History, options: SamplingOptions): Float64Array {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i]!) || logits[i] === Number.POSITIVE_INFINITY)
      throw nnErrors.fail("sampling", { place: "logits", expected: "finite numbers", received: `${logits[i]} at token ${i}` });
    if (logits[i]! > top) top = logits[i]!;
  }
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i]! - top);
  const norm = top + Math.log(total);
  const scores = Float64Array.from(logits, s => s - norm);
  for (const name of transformNames)
    if (transforms[name].reorders && transforms[name].isOn(options)) transforms[name].apply(scores, options, history);
  return scores;
}

/** An answer that is over. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** Log-probability divided by length to the penalty. */
  readonly score: number;
}

interface Beam {
  readonly tokens: readonly number[];
  /** Sum of log-probabilities. */
  readonly sum: number;
}

/** A beam that goes on: from which of the beams before, and with which token. */
export interface BeamContinuation {
  readonly parent: number;
  readonly token: number;
}

interface BeamEnds {
  /** Tokens of an answer at most. */
  readonly maxTokens: number;
  /** Tokens that end an answer. */
  readonly stopTokens: ReadonlySet<number>;
  /** Other ends, by all tokens of the answer. */
  readonly isOver?: (tokens: readonly number[]) => boolean;
}

interface Candidate extends Beam, BeamContinuation {
  readonly ends: boolean;
}

/** One group: its beams, its finished answers, and whether it is through. */
interface Group {
  beams: readonly Beam[];
  finished: readonly Hypothesis[];
  isThrough: boolean;
}

const byScore = <T extends { readonly score: number }>(list: readonly T[]): T[] => [...list].sort((a, b) => b.score - a.score);

export class BeamSearch {
  readonly #options: BeamOptions;
  readonly #ends: BeamEnds;
  readonly #groups: Group[];
  #length = 0;

  constructor(options: BeamOptions, ends: BeamEnds) {
    // one beam is greedy: it has nothing to compare its first answer with
    this.#options = options.width === 1 ? { ...options, earlyStopping: true } : options;
    this.#ends = ends;
    this.#groups = Array.from({ length: options.groups }, () => ({ beams: [{ tokens: [], sum: 0 }], finished: [], isThrough: false }));
  }

  /** Answers so far of the beams that run, in the order in which `advance` wants their scores. At the start one for each group, all empty. */
  get beams(): readonly (readonly number[])[] {
    return this.#groups.flatMap(g => (g.isThrough ? [] : g.beams.map(b => b.tokens)));
  }
  get isOver(): boolean {
    return this.#groups.every(g => g.isThrough);
  }

  /** The best answers that are finished, best first. */
  best(count: number): readonly Hypothesis[] {
    return byScore(this.#groups.flatMap(g => g.finished)).slice(0, count);
  }

  /**
   * Takes the scores [V] of every running beam's next token, lengthens the best beams by one and puts the finished ones aside. Gives where
   * each of the beams that run now comes from; none when the search is over.
   */
  advance(scores: readonly Float64Array[]): readonly BeamContinuation[] {
    this.#length++;
    const chosen = new Map<number, number>();
    const next: BeamContinuation[] = [];
    let first = 0;
    for (const group of this.#groups) {
      if (group.isThrough) continue;
      const { beams } = group;
      const on = this.#step(group, scores.slice(first, first + beams.length), chosen);
      for (const { parent, token } of on) {
        chosen.set(token, (chosen.get(token) ?? 0) + 1);
        if (!group.isThrough) next.push({ parent: first + parent, token });
      }
      first += beams.length;
    }
    return next;
  }

  #step(group: Group, rows: readonly Float64Array[], chosen: ReadonlyMap<number, number>): readonly BeamContinuation[] {
    const { lengthPenalty, earlyStopping, groups, diversityPenalty, width: all } = this.#options;
    const width = all / groups;
    const length = this.#length;
    const candidates = this.#candidates(group.beams, rows, width, diversityPenalty > 0 ? chosen : new Map());
    const scaled = (sum: number, tokens: number) => sum / tokens ** lengthPenalty;
    // only what is among the first may be an answer; the rest is there so that enough beams go on
    const ended = candidates.slice(0, width).filter(c => c.ends);
    group.finished = byScore([...group.finished, ...ended.map(c => ({ tokens: c.tokens, score: scaled(c.sum, length) }))]).slice(0, width);
    const on = candidates.filter(c => !c.ends).slice(0, width);
    const best = on[0];
    const worst = group.finished.length >= width ? group.finished.at(-1)!.score : Number.NEGATIVE_INFINITY;
    const reach = earlyStopping === "never" && lengthPenalty > 0 ? this.#ends.maxTokens : length;
    const mayImprove = best !== undefined && scaled(best.sum, reach) > worst;
    group.isThrough = !mayImprove || (group.finished.length >= width && earlyStopping === true);
    group.beams = group.isThrough ? [] : on;
    return on;
  }

  /** The best continuations of a group's beams, best first; equal ones by beam and token. */
  #candidates(beams: readonly Beam[], rows: readonly Float64Array[], width: number, chosen: ReadonlyMap<number, number>): Candidate[] {
    const { maxTokens, stopTokens, isOver } = this.#ends;
    const kept = Math.max(2, 1 + stopTokens.size) * width;
    const candidates: Candidate[] = [];
    for (const [parent, { tokens, sum }] of beams.entries()) {
      const row = chosen.size > 0 ? new Float64Array(rows[parent]!) : rows[parent]!;
      for (const [token, times] of chosen) row[token]! -= this.#options.diversityPenalty * times;
      // a row's first `width` tokens that do not end the answer are among these
      for (const token of greatestFew(row, Math.min(row.length, width + Math.max(width, stopTokens.size)))) {
        if (row[token] === Number.NEGATIVE_INFINITY) continue;
        candidates.push({ parent, token, tokens: [...tokens, token], sum: sum + row[token]!, ends: false });
      }
    }
    candidates.sort((a, b) => b.sum - a.sum || a.parent - b.parent || a.token - b.token);
    return candidates
      .slice(0, kept)
      .map(c => ({ ...c, ends: c.tokens.length >= maxTokens || stopTokens.has(c.token) || (isOver?.(c.tokens) ?? false) }));
  }
}
