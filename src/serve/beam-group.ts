/**
 * A beam search in the engine: its beams are rows of the batch like everybody's, one in a slot, and its answers come when it is over. A beam
 * that forks needs its keys and values in another slot: only positions from where the two texts part are copied, mostly one or two. The
 * search itself is `nn`'s; what is here is who sits where.
 */
import {
  type BeamOptions,
  BeamSearch,
  beamScores,
  type FormState,
  type Logits,
  likelihood,
  maskLogits,
  type SamplingOptions,
  type SlotSpan,
  type TokenLikelihood,
} from "../nn/index.ts";
import type { Sequence } from "./sequence.ts";
import type { SlotOwner } from "./slot-owner.ts";
import { guardGreatest, type TokenGuard } from "./token-guard.ts";

/** A beam in its slot. */
export class BeamRow implements SlotOwner {
  readonly id: number;
  readonly search: BeamGroup;
  readonly slot: number;
  tokens: number[] = [];
  computed = 0;
  lastChunk = -1;
  /** Log-probabilities of its next token, once they are known. */
  scores: Float64Array | undefined;
  /** The same as the model gave them, where somebody wants to see them. */
  logits: Float32Array | Float64Array | undefined;

  constructor(id: number, search: BeamGroup, slot: number) {
    this.id = id;
    this.search = search;
    this.slot = slot;
  }

  get salt(): string {
    return this.search.lead.salt;
  }
  get adapter(): number {
    return this.search.lead.adapter;
  }
  get isOver(): boolean {
    return !this.search.isLive;
  }

  checkpoint(): () => void {
    const { computed, lastChunk, scores, logits } = this;
    return () => Object.assign(this, { computed, lastChunk, scores, logits });
  }

  take(logits: Logits): void {
    const { prompt, sampling, lead } = this.search;
    const answer = this.tokens.slice(prompt.length);
    this.scores = this.search.possible(beamScores(logits, { prompt, answer }, sampling), answer);
    if (lead.likelihoods !== undefined) this.logits = logits.slice();
  }
}

interface BeamGroupParts {
  /** The answers that it gives, best first. */
  readonly answers: readonly [Sequence, ...Sequence[]];
  readonly prompt: readonly number[];
  readonly options: BeamOptions;
  readonly sampling: SamplingOptions;
  readonly maxTokens: number;
  readonly stopTokens: ReadonlySet<number>;
  /** The form that every answer must have. */
  readonly form?: FormState;
  /** Tokens that may not come in any of them. */
  readonly guard?: TokenGuard;
  /** Whether an answer is over by its text. */
  readonly isOver?: (answer: readonly number[]) => boolean;
}

/** A token of an answer that is over, in its turn. */
interface BeamToken {
  readonly token: number;
  readonly likelihood?: TokenLikelihood;
}

export class BeamGroup {
  readonly answers: readonly [Sequence, ...Sequence[]];
  readonly prompt: readonly number[];
  readonly sampling: SamplingOptions;
  readonly width: number;
  /** All rows, with or without a beam in them. */
  rows: readonly BeamRow[] = [];
  readonly #search: BeamSearch;
  /** The row of each beam, in the search's order. */
  #beams: readonly BeamRow[] = [];
  /** The texts of its beams while it has no slots, those that share a row once, and which of them each beam is. */
  #texts: { readonly rows: readonly (readonly number[])[]; readonly of: readonly number[] };
  /** Where in the form each beam's text is, by its tokens. */
  #forms: ReadonlyMap<string, FormState>;
  /** The same of the guard. */
  #guards: ReadonlyMap<string, TokenGuard>;
  readonly #stopTokens: ReadonlySet<number>;
  /** Log-probabilities of the tokens of each text that is still of use. */
  #likelihoods = new Map<string, readonly TokenLikelihood[]>([["", []]]);

  constructor({ answers, prompt, options, sampling, maxTokens, stopTokens, form, guard, isOver }: BeamGroupParts) {
    this.answers = answers;
    this.prompt = prompt;
    this.sampling = sampling;
    this.width = options.width;
    this.#stopTokens = stopTokens;
    this.#forms = new Map(form ? [["", form]] : []);
    this.#guards = new Map(guard ? [["", guard]] : []);
    const isComplete = (answer: readonly number[]): boolean => this.#formOf(answer)?.isComplete ?? false;
    this.#search = new BeamSearch(options, { maxTokens, stopTokens, isOver: answer => isComplete(answer) || (isOver?.(answer) ?? false) });
    // every group of a diverse search begins at the prompt
    this.#texts = { rows: [prompt], of: this.#search.beams.map(() => 0) };
  }

  /** The one that stands for all in the queue. */
  get lead(): Sequence {
    return this.answers[0];
  }
  /** Somebody still waits for an answer. */
  get isLive(): boolean {
    return this.answers.some(a => !a.isOver);
  }
  /** Every beam knows how likely its next tokens are. */
  get isReady(): boolean {
    return this.#beams.length > 0 && this.#beams.every(r => r.scores);
  }
  /** Rows that have something to compute. */
  get active(): readonly BeamRow[] {
    return [...new Set(this.#beams)];
  }

  /** It is over and has found nothing: the vocabulary cannot spell what the form asks for. */
  get isStuck(): boolean {
    return this.#search.isOver && this.#search.best(1).length === 0;
  }

  /** Scores of the tokens that may follow an answer's beginning; they stay the model's own. Errors: text/constraint. */
  possible(scores: Float64Array, answer: readonly number[]): Float64Array {
    const form = this.#formOf(answer);
    const guard = this.#guardOf(answer);
    if (!form && !guard) return scores;
    const masked = new Float64Array(scores);
    if (form) maskLogits(scores, form, this.#stopTokens, masked);
    // as many as a search looks at, and those that a diverse one may prefer to them
    if (guard) guardGreatest(masked, 2 * this.width + Math.max(this.width, this.#stopTokens.size), guard, this.#stopTokens);
    return masked;
  }

  #guardOf(answer: readonly number[]): TokenGuard | undefined {
    const last = answer.at(-1);
    const known = this.#guards.get(answer.join());
    if (known || last === undefined) return known;
    return this.#guards.get(answer.slice(0, -1).join())?.next(last);
  }

  #formOf(answer: readonly number[]): FormState | undefined {
    return this.#forms.get(answer.join()) ?? this.#forms.get(answer.slice(0, -1).join())?.next(answer.at(-1)!);
  }

  /** Positions that its rows take at most as they are. */
  get known(): number {
    return this.width * Math.max(...this.#texts.rows.map(t => t.length));
  }

  /** Takes its slots; a prompt is computed in the first, for all. */
  enter(slots: readonly number[], nextId: () => number): readonly BeamRow[] {
    this.rows = slots.map(slot => new BeamRow(nextId(), this, slot));
    for (const [i, text] of this.#texts.rows.entries()) this.rows[i]!.tokens = [...text];
    this.#beams = this.#texts.of.map(i => this.rows[i]!);
    return this.rows;
  }

  /** Gives its slots up; its beams are computed anew in others. */
  putBack(): void {
    const rows = this.active;
    this.#texts = { rows: rows.map(r => r.tokens), of: this.#beams.map(b => rows.indexOf(b)) };
    this.rows = [];
    this.#beams = [];
  }

  /** Chooses the next beams; gives what has to be copied before they go on. Nothing is left to run when the search is over. */
  branch(): readonly SlotSpan[] {
    const before = this.#beams;
    const texts = this.#search.beams;
    const next = this.#search.advance(before.map(r => r.scores!));
    if (this.lead.likelihoods !== undefined) this.#remember(before, texts);
    if (this.#forms.size > 0) this.#forms = new Map(this.#search.beams.map(text => [text.join(), this.#formOf(text)!]));
    if (this.#guards.size > 0) this.#guards = new Map(this.#search.beams.map(text => [text.join(), this.#guardOf(text)!]));
    for (const row of before) {
      row.scores = undefined;
      row.logits = undefined;
    }
    const parents = next.map(({ parent }) => before[parent]!);
    const spare = this.rows.filter(r => !parents.includes(r));
    const seated = new Set<BeamRow>();
    const copies: SlotSpan[] = [];
    this.#beams = parents.map(parent => {
      if (!seated.has(parent)) {
        seated.add(parent);
        return parent;
      }
      const row = spare.pop()!;
      const { tokens, computed } = parent;
      let same = 0;
      while (same < row.computed && same < computed && row.tokens[same] === tokens[same]) same++;
      copies.push({ from: parent.slot, to: row.slot, start: same, end: computed });
      row.tokens = [...tokens];
      row.computed = computed;
      return row;
    });
    for (const [i, { token }] of next.entries()) this.#beams[i]!.tokens.push(token);
    return copies;
  }

  /** The tokens of an answer, once the search is over; undefined where fewer answers were found. */
  answer(index: number): readonly BeamToken[] | undefined {
    const found = this.#search.best(this.answers.length)[index];
    const likelihoods = found && this.#likelihoods.get(found.tokens.join());
    return found?.tokens.map((token, i) => ({ token, ...(likelihoods ? { likelihood: likelihoods[i]! } : {}) }));
  }

  /** Keeps the log-probabilities of the texts that go on or are over, and drops the others. */
  #remember(before: readonly BeamRow[], texts: readonly (readonly number[])[]): void {
    const known = this.#likelihoods;
    const rowOf = new Map(texts.map((t, i) => [t.join(), before[i]!]));
    const kept = new Map<string, readonly TokenLikelihood[]>();
    for (const tokens of [...this.#search.beams, ...this.#search.best(this.width).map(h => h.tokens)]) {
      const text = tokens.join();
      const parent = tokens.slice(0, -1).join();
      const row = rowOf.get(parent);
      kept.set(
        text,
        known.get(text) ?? [
          ...known.get(parent)!,
          likelihood(row!.logits!, tokens.at(-1)!, this.lead.likelihoods!, this.lead.likelihoodTokens),
        ],
      );
    }
    this.#likelihoods = kept;
  }
}
