/** An answer with some guessed tokens at its end: what would be possible next. It knows its form and history, and changes nothing of the answer. */
import type { Random } from "../base/index.ts";
import { type FormState, type Guess, guessToken, type History, type Logits, maskLogits, type SamplingOptions } from "../nn/index.ts";

interface BranchParts {
  readonly history: History;
  readonly sampling: SamplingOptions;
  readonly form: FormState | undefined;
  readonly stopTokens: ReadonlySet<number>;
}

export class Branch {
  readonly #parts: BranchParts;
  readonly #answer: number[];
  #form: FormState | undefined;

  constructor(parts: BranchParts) {
    this.#parts = parts;
    this.#answer = [...parts.history.answer];
    this.#form = parts.form;
  }

  /** The next token, as a small model with these logits guesses it; none where the answer would be over, or nothing is possible. */
  guess(logits: Logits, rng: Random): Guess | undefined {
    const { history, sampling, stopTokens } = this.#parts;
    const form = this.#form;
    if (form && !form.isAccepting && form.mask.every(word => word === 0)) return undefined;
    const possible = form ? maskLogits(logits, form, stopTokens) : logits;
    const guess = guessToken(possible, { ...history, answer: this.#answer }, sampling, rng);
    this.#answer.push(guess.token);
    this.#form = form?.next(guess.token);
    return guess;
  }

  /** Nothing follows the last guess. */
  get isOver(): boolean {
    const last = this.#answer.at(-1);
    return (last !== undefined && this.#parts.stopTokens.has(last)) || (this.#form?.isComplete ?? false);
  }
}
