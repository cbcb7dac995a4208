/**
 * A small model that guesses for a large one, over the same slots: it reads what the large one has read, and then says some tokens of each
 * answer, all answers at once. How far it has read is each answer's own (`Sequence.drafted`); nothing of it is shared between answers. What a
 * guess is worth is decided elsewhere (`nn`'s `judgeGuess`).
 */
import { type Guess, nextChunk } from "../nn/index.ts";
import type { Branch } from "./branch.ts";
import type { Program } from "./program.ts";
import type { RosterEntry } from "./roster.ts";
import { Sequence } from "./sequence.ts";

/** Up to so many tokens are read in steps, which serve all answers at once; more are read as a chunk. A round that went well leaves two. */
const mostSteps = 2;

/** An answer that is guessed for. */
interface Guessed {
  readonly sequence: Sequence;
  readonly branch: Branch;
  /** Guesses that are wanted. */
  readonly count: number;
  readonly guesses: Guess[];
}

export class Drafting {
  readonly #program: Program;
  readonly #owners: readonly (RosterEntry | undefined)[];
  readonly #most: number;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;

  /** `owners` is the roster's list, read live; at most `most` tokens are guessed a round. */
  constructor(program: Program, owners: readonly (RosterEntry | undefined)[], most: number) {
    this.#program = program;
    this.#owners = owners;
    this.#most = most;
    this.#tokens = new Int32Array(program.slots);
    this.#positions = new Int32Array(program.slots);
  }

  /**
   * Tokens that are guessed in an answer's next round. It depends on the answer alone, never on who else is served, so the random numbers of
   * an answer are used in the same way in any company. The first token is drawn without guesses: a prompt ends in a chunk or in a step,
   * depending on what was found in the cache.
   */
  count(sequence: Sequence): number {
    if (sequence.isCertain || sequence.search || sequence.history.answer.length === 0) return 0;
    return Math.max(0, Math.min(this.#most, sequence.tokensLeft - 1, this.#program.room - sequence.tokens.length));
  }

  /** Reads what the large model has read of a prompt meanwhile, a chunk at most, so that no single step has to read all of it. */
  async follow(owner: RosterEntry): Promise<void> {
    if (owner instanceof Sequence && !owner.forced && owner.drafted < Math.min(owner.computed, this.#program.room))
      await this.#chunk(owner, owner.computed);
  }

  /** Guesses for answers that all are known but for their last token, in their order. */
  async guess(sequences: readonly Sequence[]): Promise<readonly (readonly Guess[])[]> {
    for (const s of sequences) while (s.tokens.length - s.drafted > mostSteps) await this.#chunk(s, s.tokens.length - 1);
    const all = sequences.map((sequence): Guessed => ({ sequence, branch: sequence.branch(), count: this.count(sequence), guesses: [] }));
    for (let live = all; live.length > 0; ) live = await this.#step(live);
    return all.map(g => g.guesses);
  }

  /** The large model took `right` of the guesses that followed `known` tokens: what was read behind them is read again. */
  settle(sequence: Sequence, known: number, right: number): void {
    sequence.drafted = Math.min(sequence.drafted, known + right);
  }

  /** One token of each; gives those that want more. */
  async #step(live: readonly Guessed[]): Promise<Guessed[]> {
    const { slots, room } = this.#program;
    for (let slot = 0; slot < slots; slot++) {
      const owner = this.#owners[slot];
      // a slot without a turn writes where its own next token will be written
      this.#tokens[slot] = 0;
      this.#positions[slot] = owner instanceof Sequence ? Math.min(owner.drafted, room - 1) : 0;
    }
    for (const { sequence, guesses } of live) {
      const at = sequence.drafted - sequence.tokens.length;
      this.#tokens[sequence.slot!] = at < 0 ? sequence.tokens.at(at)! : guesses[at]!.token;
    }
    const end = 1 + Math.max(...live.map(({ sequence }) => Math.min(sequence.drafted, room - 1)));
    const counting = live.map(({ sequence }) => sequence.slot!);
    const rows = await this.#program.decode(this.#tokens, this.#positions, undefined, end, counting);
    try {
      return live.filter(({ sequence, branch, count, guesses }) => {
        if (++sequence.drafted < sequence.tokens.length) return true;
        const guess = branch.guess(rows.row(sequence.slot!), sequence.random);
        if (guess) guesses.push(guess);
        return guess !== undefined && guesses.length < count && !branch.isOver;
      });
    } finally {
      rows.release();
    }
  }

  async #chunk(sequence: Sequence, end: number): Promise<void> {
    const { widths, room } = this.#program;
    const chunk = nextChunk(sequence.drafted, Math.min(end, room), widths, room);
    (await this.#program.prefill(sequence.slot!, sequence.tokens, chunk)).release();
    sequence.drafted = chunk.start + chunk.count;
  }
}
