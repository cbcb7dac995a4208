/** Answers of a real model in a given form, with the time that the form takes of each token apart from the step. */
import { random } from "../../src/base/index.ts";
import { CachedDecoder, type FormState, maskLogits, nextChunk, sampleToken, samplingOptions } from "../../src/nn/index.ts";
import type { ServedModel } from "../../src/serve/index.ts";
import type { Device } from "../../src/tensor/index.ts";

export interface Followed {
  readonly text: string;
  readonly isComplete: boolean;
  /** Milliseconds of each token: the form's part, and the rest (decoding and drawing). */
  readonly form: readonly number[];
  readonly step: readonly number[];
}

const room = 512;

export class Follower {
  readonly #model: ServedModel;
  readonly #decoder: CachedDecoder;

  private constructor(model: ServedModel, decoder: CachedDecoder) {
    this.#model = model;
    this.#decoder = decoder;
  }

  static async open(model: ServedModel, device: Device): Promise<Follower> {
    return new Follower(model, await CachedDecoder.open(model.config, device, { slots: 1, room }));
  }

  /** Draws at temperature 0.7 until the form is complete or the room is full. */
  async answer(prompt: ArrayLike<number>, start: FormState, seed: number, most = 200): Promise<Followed> {
    const { parameters, tokenizer, stopTokens = [] } = this.#model;
    const sampling = samplingOptions({ temperature: 0.7 });
    const rng = random(`structured ${seed}`);
    const sequence = Array.from(prompt);
    const answer: number[] = [];
    const form: number[] = [];
    const step: number[] = [];
    let state = start;
    let computed = 0;
    while (!state.isComplete && answer.length < most) {
      const began = performance.now();
      while (sequence.length - computed > 1) {
        const chunk = nextChunk(computed, sequence.length - 1, this.#decoder.widths, room);
        const rows = await this.#decoder.prefill(parameters, 0, sequence, chunk);
        computed = chunk.start + chunk.count;
        rows.release();
      }
      const rows = await this.#decoder.decode(parameters, Int32Array.of(sequence[computed]!), Int32Array.of(computed));
      computed++;
      const logits = rows.row(0);
      const decoded = performance.now();
      const masked = maskLogits(logits, state, stopTokens);
      const between = performance.now();
      const token = sampleToken(masked, { prompt: [], answer }, sampling, rng);
      rows.release();
      const drawn = performance.now();
      if (stopTokens.includes(token)) break;
      state = state.next(token)!;
      form.push(between - decoded + (performance.now() - drawn));
      // the first step reads the prompt too
      if (answer.length > 0) step.push(decoded - began + (drawn - between));
      answer.push(token);
      sequence.push(token);
    }
    return { text: tokenizer.decode(answer, { skipSpecialTokens: true }), isComplete: state.isAccepting, form, step };
  }

  close(): void {
    this.#decoder.dispose();
  }
}
