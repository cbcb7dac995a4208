/**
 * Carries a plan out: fills the program's inputs from the sequences, runs it, draws a token for every sequence whose known tokens are now all
 * computed. Decodes run before chunks. A sequence that ended meanwhile is skipped; one whose logits broke down fails alone.
 */
import { type Likelihood, type LogitRows, likelihood, sampleToken } from "../nn/index.ts";
import type { Program } from "./program.ts";
import type { Plan } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";

export interface RunnerPorts {
  readonly program: Program;
  /** Owner of each slot. */
  readonly slots: readonly (Sequence | undefined)[];
  onToken(sequence: Sequence, token: number, likelihood: Likelihood | undefined): void;
  onFailure(sequence: Sequence, error: unknown): void;
}

export class Runner {
  readonly #ports: RunnerPorts;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;

  constructor(ports: RunnerPorts) {
    this.#ports = ports;
    this.#tokens = new Int32Array(ports.program.slots);
    this.#positions = new Int32Array(ports.program.slots);
  }

  /** Runs decodes, then chunks. Throws what the device throws; the sequences have then not moved on. */
  async run(plan: Plan, step: number): Promise<void> {
    if (plan.decode.length > 0) await this.#decode(plan.decode);
    for (const { id, slot, chunk } of plan.chunks) {
      const sequence = this.#owner(slot, id);
      if (!sequence) continue;
      const rows = await this.#ports.program.prefill(slot, sequence.tokens, chunk);
      try {
        sequence.lastChunk = step;
        this.#advance(sequence, chunk.start + chunk.count, rows, 0);
      } finally {
        rows.release();
      }
    }
  }

  async #decode(plan: Plan["decode"]): Promise<void> {
    const { program, slots } = this.#ports;
    const owners = plan.map(({ id, slot }) => this.#owner(slot, id));
    for (let slot = 0; slot < program.slots; slot++) {
      // a slot that does not decode writes where its own next token will be written, behind everything that is seen
      this.#tokens[slot] = 0;
      this.#positions[slot] = slots[slot]?.computed ?? 0;
    }
    for (const s of owners) if (s) this.#tokens[s.slot!] = s.tokens[s.computed]!;
    const rows = await program.decode(this.#tokens, this.#positions);
    try {
      for (const [i, s] of owners.entries()) if (s) this.#advance(s, s.computed + 1, rows, plan[i]!.slot);
    } finally {
      rows.release();
    }
  }

  /** The sequence that was planned for, if it still sits there. */
  #owner(slot: number, id: number): Sequence | undefined {
    const sequence = this.#ports.slots[slot];
    return sequence?.id === id && !sequence.isOver ? sequence : undefined;
  }

  #advance(sequence: Sequence, computed: number, rows: LogitRows, row: number): void {
    if (sequence.isOver) return;
    sequence.computed = computed;
    if (computed < sequence.tokens.length) return;
    try {
      const logits = rows.row(row);
      const token = sampleToken(logits, sequence.history, sequence.sampling, sequence.random);
      const { likelihoods } = sequence;
      this.#ports.onToken(sequence, token, likelihoods === undefined ? undefined : likelihood(logits, token, likelihoods));
    } catch (error) {
      this.#ports.onFailure(sequence, error);
    }
  }
}
