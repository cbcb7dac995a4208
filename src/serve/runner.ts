/**
 * Carries a plan out in runs: all decodes at once, then guesses and chunks one by one. A run fills the program's inputs from the sequences,
 * runs it, and commits: every sequence whose known tokens are now all computed gets a token. Where the device fails a run, those it was for
 * are as they were before it, and the other runs go on. A sequence that ended meanwhile is skipped; one whose logits broke down fails alone.
 */
import { type Guess, type LogitRows, nextChunk, type TokenLikelihood } from "../nn/index.ts";
import { BeamRow } from "./beam-group.ts";
import type { Drafting } from "./drafting.ts";
import type { Program } from "./program.ts";
import type { RosterEntry } from "./roster.ts";
import type { StepPlan } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";

interface RunnerPorts {
  readonly program: Program;
  /** Owner of each slot. */
  readonly slots: readonly (RosterEntry | undefined)[];
  onToken(sequence: Sequence, token: number, likelihood: TokenLikelihood | undefined): void;
  /** An owner's logits, or what is possible of them, broke down. */
  onBroken(owner: RosterEntry, error: unknown): void;
  /** So many guesses were verified, so many were right. */
  onVerified?(guessed: number, right: number): void;
  /** So many tokens of an owner are computed, by a chunk. */
  onChunk?(owner: RosterEntry, computed: number): void;
  /** Takes over what others have computed of a sequence's beginning, before a chunk of it is. */
  reuse?(owner: RosterEntry): Promise<void>;
  /** Guesses for those whom the plan has in rounds. */
  readonly drafting?: Drafting;
  /** Where a step may write in a slot that nobody owns. */
  freeEnd?(slot: number): number;
}

/** A run that the device failed; its owners have been rolled back. */
interface FailedRun {
  readonly owners: readonly RosterEntry[];
  readonly error: unknown;
}

/** An owner in its slot, as a plan names it. */
interface Place {
  readonly id: number;
  readonly slot: number;
}

export class EngineRunner {
  readonly #ports: RunnerPorts;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #roundTokens: Int32Array;
  readonly #roundPositions: Int32Array;
  readonly #adapters: Int32Array;

  constructor(ports: RunnerPorts) {
    this.#ports = ports;
    const { slots, roundWidth } = ports.program;
    this.#tokens = new Int32Array(slots);
    this.#positions = new Int32Array(slots);
    this.#adapters = new Int32Array(slots);
    this.#roundTokens = new Int32Array(slots * roundWidth);
    this.#roundPositions = new Int32Array(slots * roundWidth);
  }

  /** Runs decodes, then rounds and guesses, then chunks. Gives the runs that failed. */
  async run(plan: StepPlan, step: number): Promise<readonly FailedRun[]> {
    const failed: FailedRun[] = [];
    const attempt = async (places: readonly Place[], run: (owners: readonly RosterEntry[]) => Promise<void>): Promise<void> => {
      const owners = places.flatMap(p => this.#owner(p) ?? []);
      if (owners.length === 0) return;
      const checkpoints = owners.map(o => o.checkpoint());
      try {
        await run(owners);
      } catch (error) {
        for (const restore of checkpoints) restore();
        failed.push({ owners, error });
      }
    };
    await attempt(plan.decode, owners => this.#decode(owners));
    await attempt(plan.round, owners => this.#round(owners as readonly Sequence[]));
    for (const place of plan.verify) await attempt([place], ([owner]) => this.#verify(owner as Sequence));
    for (const place of plan.chunks) await attempt([place], ([owner]) => this.#chunk(owner!, place, step));
    return failed;
  }

  async #decode(owners: readonly RosterEntry[]): Promise<void> {
    const { program } = this.#ports;
    for (let slot = 0; slot < program.slots; slot++) {
      this.#tokens[slot] = 0;
      this.#adapters[slot] = 0;
      this.#positions[slot] = this.#idlePosition(slot);
    }
    for (const o of owners) {
      this.#tokens[o.slot!] = o.tokens[o.computed]!;
      this.#adapters[o.slot!] = o.adapter;
    }
    // an owner that ends meanwhile has lost its slot, not its row
    const rowOf = owners.map(o => o.slot!);
    const end = 1 + Math.max(...owners.map(o => o.computed));
    const rows = await program.decode(this.#tokens, this.#positions, this.#adapters, end, rowOf);
    try {
      for (const [i, o] of owners.entries()) this.#commit(o, o.computed + 1, rows, rowOf[i]!);
    } finally {
      rows.release();
    }
  }

  /**
   * Guesses of a small model and their judgement: what an answer gets depends on it alone. A reader that falls behind gets the whole round all
   * the same, so that where a round ends is the answer's own affair too.
   */
  async #round(sequences: readonly Sequence[]): Promise<void> {
    const { drafting, onVerified } = this.#ports;
    const guesses = await drafting!.guess(sequences);
    const { rows, first } = await this.#judge(sequences, guesses);
    try {
      for (const [i, s] of sequences.entries()) {
        const known = s.tokens.length;
        const of = guesses[i]!;
        s.guessed(of.length);
        let right = 0;
        // one more than was guessed, where all is right
        while (right <= of.length && !s.isOver) {
          const token = this.#commit(s, known + right, rows, first(i) + right, of[right]);
          if (token === undefined || token !== of[right]?.token) break;
          right++;
        }
        drafting!.settle(s, known, right);
        onVerified?.(of.length, right);
      }
    } finally {
      rows.release();
    }
  }

  /** Logits after the last known token of each sequence and after each of its guesses: rows from `first`. */
  async #judge(sequences: readonly Sequence[], guesses: readonly (readonly Guess[])[]) {
    const { program } = this.#ports;
    const { verifyWidth, roundWidth, room } = program;
    const texts = sequences.map((s, i) => [s.tokens.at(-1)!, ...guesses[i]!.map(g => g.token)]);
    const [one] = sequences;
    if (sequences.length === 1 && texts[0]!.length <= verifyWidth && one!.computed + verifyWidth <= room) {
      const rows = await program.verify(one!.slot!, [...one!.tokens.slice(0, -1), ...texts[0]!], one!.computed, one!.adapter);
      return { rows, first: () => 0 };
    }
    for (let i = 0; i < this.#roundTokens.length; i++) {
      this.#roundTokens[i] = 0;
      this.#adapters[Math.floor(i / roundWidth)] = 0;
      this.#roundPositions[i] = this.#idlePosition(Math.floor(i / roundWidth));
    }
    const placed = sequences.map(s => s.slot! * roundWidth);
    for (const [i, { slot, computed, adapter }] of sequences.entries()) {
      this.#adapters[slot!] = adapter;
      for (let k = 0; k < roundWidth; k++) {
        // what is too short repeats its last token, which writes there what is there
        const at = Math.min(k, texts[i]!.length - 1);
        this.#roundTokens[placed[i]! + k] = texts[i]![at]!;
        this.#roundPositions[placed[i]! + k] = computed + at;
      }
    }
    const end = Math.max(...sequences.map((s, i) => s.computed + texts[i]!.length));
    const counting = sequences.map(s => s.slot!);
    const rows = await program.decode(this.#roundTokens, this.#roundPositions, this.#adapters, end, counting);
    return { rows, first: (i: number) => placed[i]! };
  }

  /** A slot that does not decode writes where its own next token will be written, behind everything that is seen. */
  #idlePosition(slot: number): number {
    return this.#ports.slots[slot]?.computed ?? this.#ports.freeEnd?.(slot) ?? 0;
  }

  /**
   * Draws as many tokens as agree with the guesses, and one more, each from the logits that a step would have given. A blocked reader
   * pauses it where it is.
   */
  async #verify(sequence: Sequence): Promise<void> {
    const { program, onVerified } = this.#ports;
    const start = sequence.computed;
    const guesses = sequence.guess(program.verifyWidth - 1);
    const rows = await program.verify(sequence.slot!, [...sequence.tokens, ...guesses], start, sequence.adapter);
    let right = 0;
    try {
      for (let i = 0; i <= guesses.length && !sequence.isOver && sequence.blockedMs === undefined; i++) {
        this.#commit(sequence, start + i + 1, rows, i);
        if (i === guesses.length || sequence.tokens[start + i + 1] !== guesses[i]) break;
        right++;
      }
    } finally {
      rows.release();
    }
    onVerified?.(guesses.length, right);
  }

  async #chunk(owner: RosterEntry, { chunk: planned, end }: StepPlan["chunks"][number], step: number): Promise<void> {
    const { program, reuse, drafting, onChunk } = this.#ports;
    const before = owner.computed;
    await reuse?.(owner);
    if (owner.isOver) return;
    const { computed, tokens } = owner;
    // the last token of all is a decode's
    if (computed >= end || (computed === tokens.length - 1 && end === tokens.length)) return;
    const chunk = computed === before ? planned : nextChunk(computed, end, program.widths, program.room);
    // more than was planned for is the next step's
    if (chunk.width > planned.width) return;
    const rows = await program.prefill(owner.slot!, tokens, chunk, owner.adapter);
    try {
      owner.lastChunk = step;
      onChunk?.(owner, chunk.start + chunk.count);
      this.#commit(owner, chunk.start + chunk.count, rows, 0);
    } finally {
      rows.release();
    }
    if (!owner.isOver) await drafting?.follow(owner);
  }

  /** Says the tokens that a form leaves no choice about; they are computed together, with what comes next. */
  jump(sequence: Sequence): void {
    for (let token = sequence.free; token !== undefined && !sequence.isOver; token = sequence.free)
      this.#ports.onToken(sequence, token, undefined);
  }

  /** The owner that was planned for, if it still sits there. */
  #owner({ slot, id }: Place): RosterEntry | undefined {
    const owner = this.#ports.slots[slot];
    return owner?.id === id && !owner.isOver ? owner : undefined;
  }

  /** So much of an owner is computed now; where that is all that is known it gets its next token, which is given. */
  #commit(owner: RosterEntry, computed: number, rows: LogitRows, row: number, guess?: Guess): number | undefined {
    if (owner.isOver) return undefined;
    owner.computed = computed;
    if (computed < owner.tokens.length) return undefined;
    const { onToken, onBroken } = this.#ports;
    if (!(owner instanceof BeamRow) && owner.isEnding) return undefined;
    try {
      const logits = rows.row(row);
      if (owner instanceof BeamRow) {
        owner.take(logits);
        return undefined;
      }
      const token = owner.choose(logits, guess);
      onToken(owner, token, owner.likelihoodOf(logits, token));
      this.jump(owner);
      return token;
    } catch (error) {
      onBroken(owner, error);
      return undefined;
    }
  }
}
