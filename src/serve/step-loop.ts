/**
 * The loop of an engine. A step is planned (`decide`, pure), reserved (slots are given, beginnings that are known are taken over), run
 * (`runner.ts`), and each of its runs is committed or rolled back, so that a failure reaches only those it was for. The order of the parts is
 * that of ONNX Runtime GenAI's engine; the loop itself knows no request's meaning.
 */
import { type Clock, defined } from "../base/index.ts";
import type { AdapterPlaces } from "./adapters/places.ts";
import { type BeamGroup, BeamRow } from "./beam-group.ts";
import type { Delivery } from "./delivery.ts";
import { Drafting } from "./drafting.ts";
import type { EngineObserver } from "./observer.ts";
import type { Program } from "./program.ts";
import { answersOf, type Roster, type RosterEntry } from "./roster.ts";
import { EngineRunner } from "./runner.ts";
import { decoding, isIdle, planStep, type RunningView, type SchedulerLimits, type StepPlan } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";

interface StepLoopParts {
  readonly program: Program;
  readonly roster: Roster;
  readonly delivery: Delivery;
  readonly adapters: AdapterPlaces;
  readonly clock: Clock;
  readonly chunkTokens: number;
  /** Beginnings that a slot holds are taken over. */
  readonly prefixCache: boolean;
  /** Guesses from the text itself are verified. */
  readonly lookup: boolean;
  /** Answers that may run at most for greedy ones to be guessed for by a draft model. */
  readonly greedyRounds: number;
  /** Positions of the cache that all who run may hold together. */
  readonly cacheTokens: number;
  readonly nextId: () => number;
  readonly isOpen: () => boolean;
  /** Resolves when there may be something to do. */
  readonly idle: () => Promise<void>;
  readonly tell: (say: (o: EngineObserver) => void) => void;
}

/** Steps in a row that may fail before the loop gives up: one may be a passing lack of memory. */
const failuresUntilFailed = 3;

export class StepLoop {
  readonly #parts: StepLoopParts;
  readonly #runner: EngineRunner;
  readonly #limits: SchedulerLimits;
  readonly #reuses: boolean;
  readonly #drafting: Drafting | undefined;
  #failures = 0;

  constructor(parts: StepLoopParts) {
    const { program, roster, delivery, tell } = parts;
    this.#parts = parts;
    this.#reuses = program.isUniform && parts.prefixCache;
    const { draft, roundWidth } = program;
    this.#drafting = draft && program.isUniform ? new Drafting(draft, roster.owners, roundWidth - 1) : undefined;
    this.#runner = new EngineRunner({
      program,
      slots: roster.owners,
      onToken: (s, token, likelihood) => delivery.token(s, token, likelihood),
      onBroken: (owner, error) => delivery.broken(owner, error),
      onVerified: (guessed, right) => tell(o => o.verified?.(guessed, right)),
      onChunk: (owner, computed) => {
        // of one that comes in again, its own text is no prompt
        for (const answer of answersOf(owner))
          if (!answer.isResumed) tell(o => o.computed?.(Math.min(computed, answer.usage.promptTokens), answer));
      },
      ...(this.#reuses ? { reuse: owner => this.#reuse(owner) } : {}),
      freeEnd: slot => roster.prefixes.endOf(slot),
      ...defined({ drafting: this.#drafting }),
    });
    this.#limits = {
      chunkTokens: parts.chunkTokens,
      widths: program.widths,
      room: program.room,
      cacheTokens: parts.cacheTokens,
      ...(program.isUniform ? { verifyWidth: program.verifyWidth } : {}),
    };
  }

  /** Goes on until the engine is no longer open. Throws the device's error when steps fail one after the other. */
  async run(): Promise<void> {
    const { isOpen, idle, adapters } = this.#parts;
    for (let step = 0; isOpen(); ) {
      await this.#settle();
      const plan = this.#plan();
      if (isIdle(plan)) {
        // what happened while it settled woke nobody
        if (isOpen() && adapters.isSettled(this.#usesAdapter)) await idle();
        continue;
      }
      await this.#reserve(plan);
      if (decoding(plan) + plan.chunks.length === 0) continue;
      await this.#run(plan, step++);
      // a device that answers at once must not keep the sockets waiting
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  /** Somebody who waits or runs computes with the adapter of a place. */
  readonly #usesAdapter = (place: number): boolean => {
    const { running, waiting } = this.#parts.roster;
    return [...running, ...waiting].some(s => s.adapter === place);
  };

  /** Finishes what the last step left: broken slots are cleared, searches whose beams are all known go on; judged spans are said or taken back; adapters come and go. */
  async #settle(): Promise<void> {
    const { program, roster, delivery, adapters } = this.#parts;
    for (const sequence of [...roster.running, ...roster.waiting]) if (sequence.hasVerdict) delivery.judged(sequence);
    if (program.adapters) {
      const { write } = program.adapters;
      await adapters.settle(this.#usesAdapter, write);
    }
    for (const slot of roster.spoilt) {
      await program.clear(slot);
      roster.cleared(slot);
    }
    for (const { search } of roster.running) if (search?.isReady) await this.#branch(search);
  }

  async #branch(search: BeamGroup): Promise<void> {
    const { program, delivery } = this.#parts;
    try {
      for (const span of search.branch()) await program.copy(span);
    } catch (error) {
      delivery.runFailed(search.rows, error);
    }
    if (search.active.length === 0) delivery.search(search);
  }

  #plan(): StepPlan {
    const { roster } = this.#parts;
    return planStep(
      { freeSlots: roster.freeSlots(), waiting: roster.waitingViews(), running: roster.runningViews(s => this.#guessed(s)) },
      this.#limits,
    );
  }

  #guessed(sequence: Sequence): Pick<RunningView, "guessed" | "isForced" | "isDrafted"> {
    const { program, roster, lookup, greedyRounds } = this.#parts;
    const pays = sequence.sampling.temperature > 0 || roster.running.length <= greedyRounds;
    const drafted = pays ? (this.#drafting?.count(sequence) ?? 0) : 0;
    if (drafted > 0) return { guessed: drafted, isDrafted: true };
    // with a small model the text itself is not asked: whether it would be depends on the company, and random numbers with it
    const mayGuess = program.isUniform && lookup && !this.#drafting && roster.running.length === 1;
    if (sequence.tokens.length - sequence.computed !== 1 || !(mayGuess || sequence.isCertain)) return {};
    return { guessed: sequence.guess(program.verifyWidth - 1).length, isForced: sequence.isCertain };
  }

  async #reserve(plan: StepPlan): Promise<void> {
    const { roster, clock, nextId, tell } = this.#parts;
    for (const id of plan.preempt) {
      const sequence = roster.preempt(id);
      if (sequence) tell(o => o.preempted?.(sequence));
    }
    if (plan.admit.length === 0) return;
    const nowMs = clock.monotonic();
    const seated = roster.admit(plan, nextId, this.#reuses);
    for (const { sequence, owner, inPlace } of seated) {
      if (inPlace > 0) this.#found(owner, inPlace);
      if (sequence.isResumed) continue;
      tell(o => o.started?.(nowMs - sequence.submittedMs, sequence));
      // a form may begin without a choice
      this.#runner.jump(sequence);
    }
    if (!this.#reuses) return;
    // the rest takes over by copy; what another newcomer's slot held is lost to it
    for (const { owner } of seated) {
      if (owner.isOver) continue;
      try {
        await this.#reuse(owner);
      } catch (error) {
        this.#parts.delivery.runFailed([owner], error);
      }
    }
  }

  async #run(plan: StepPlan, step: number): Promise<void> {
    const { clock, delivery, tell } = this.#parts;
    const startMs = clock.monotonic();
    const readTokens = this.#readTokens(plan);
    const failed = await this.#runner.run(plan, step);
    for (const { owners, error } of failed) delivery.runFailed(owners, error);
    this.#failures = failed.length > 0 ? this.#failures + 1 : 0;
    const ms = clock.monotonic() - startMs;
    tell(o => o.step?.(decoding(plan), readTokens, ms));
    if (this.#failures >= failuresUntilFailed) throw failed.at(-1)!.error;
  }

  /** Tokens of prompts that a step reads: those of chunks, and the last of a prompt, which is read as if to decode, where the rest is known. */
  #readTokens({ chunks, decode }: StepPlan): number {
    const { owners } = this.#parts.roster;
    const last = decode.filter(({ slot }) => {
      const owner = owners[slot];
      return owner !== undefined && !(owner instanceof BeamRow) && owner.answerTokens.length === 0;
    });
    return chunks.reduce((n, c) => n + c.chunk.count, last.length);
  }

  /** Takes over what others have computed of a beginning. */
  async #reuse(owner: RosterEntry): Promise<void> {
    const { program, roster } = this.#parts;
    const found = roster.prefixes.find(owner);
    if (!found) return;
    await program.copy({ from: found.slot, to: owner.slot!, start: owner.computed, end: found.length });
    if (!owner.isOver) this.#found(owner, found.length);
  }

  #found(owner: RosterEntry, length: number): void {
    const answers = answersOf(owner);
    // the beginning of an answer that its form forces is found as well, and is no part of the prompt
    const prompt = Math.min(...answers.map(a => a.promptTokens.length));
    const gain = Math.max(0, Math.min(length, prompt) - owner.computed);
    owner.computed = length;
    // of one that comes in again, its own text is no find
    for (const answer of answers) if (!answer.isResumed) answer.reused += gain;
    this.#parts.tell(o => o.reused?.(gain));
  }
}
