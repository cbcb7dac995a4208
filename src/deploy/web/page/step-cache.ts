/**
 * A sequence and its keys and values, in this page's memory: each step gives the program what is known and keeps what is new. Rows grow in powers of
 * two, so a short sequence copies little; rows behind the sequence are masked, and their contents do not matter.
 */
import type { WebManifest } from "../manifest.ts";
import type { Runtime, RuntimeSession } from "./runtime.ts";

/** Rows of a cache that has just begun. */
const firstRows = 64;
/** Tokens of a prompt that one step reads: its scores are [heads, tokens, rows]. */
const chunkTokens = 64;

type Shape = Pick<WebManifest, "layers" | "kvHeads" | "headSize" | "context">;

export class StepCache {
  readonly #runtime: Runtime;
  readonly #session: RuntimeSession;
  readonly #shape: Shape;
  /** Keys and values of each layer: heads, rows, numbers. */
  #arrays: Float32Array[] = [];
  #rows = 0;
  #tokens: number[] = [];

  constructor(runtime: Runtime, session: RuntimeSession, shape: Shape) {
    this.#runtime = runtime;
    this.#session = session;
    this.#shape = shape;
  }

  /** Logits after a sequence. What it has in common with the one before is not computed again. */
  async logits(sequence: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    let known = 0;
    while (known < this.#tokens.length && known < sequence.length - 1 && this.#tokens[known] === sequence[known]) known++;
    this.#tokens = sequence.slice(0, known);
    let logits: Float32Array | undefined;
    for (let from = known; from < sequence.length; from += chunkTokens) {
      signal?.throwIfAborted();
      logits = await this.#step(sequence.slice(from, from + chunkTokens), from);
      this.#tokens = sequence.slice(0, from + chunkTokens);
    }
    return logits!;
  }

  #reserve(rows: number): void {
    if (rows <= this.#rows) return;
    const { layers, kvHeads, headSize, context } = this.#shape;
    let next = Math.max(firstRows, this.#rows);
    while (next < rows) next *= 2;
    next = Math.min(next, context);
    const before = this.#rows * headSize;
    this.#arrays = Array.from({ length: 2 * layers }, (_, i) => {
      const grown = new Float32Array(kvHeads * next * headSize);
      const old = this.#arrays[i];
      if (old) for (let h = 0; h < kvHeads; h++) grown.set(old.subarray(h * before, (h + 1) * before), h * next * headSize);
      return grown;
    });
    this.#rows = next;
  }

  async #step(tokens: readonly number[], from: number): Promise<Float32Array> {
    const { layers, kvHeads, headSize } = this.#shape;
    this.#reserve(from + tokens.length);
    const { Tensor } = this.#runtime;
    const ints = (numbers: readonly number[]) => new Tensor("int32", Int32Array.from(numbers), [1, numbers.length]);
    const feeds: Record<string, InstanceType<typeof Tensor>> = {
      tokens: ints(tokens),
      positions: ints(tokens.map((_, i) => from + i)),
    };
    const dims = [kvHeads * this.#rows, headSize];
    for (let i = 0; i < layers; i++) {
      feeds[`keys.${i}`] = new Tensor("float32", this.#arrays[2 * i]!, dims);
      feeds[`values.${i}`] = new Tensor("float32", this.#arrays[2 * i + 1]!, dims);
    }
    const results = await this.#session.run(feeds);
    const width = tokens.length * headSize;
    for (let i = 0; i < 2 * layers; i++) {
      const fresh = results[`${i % 2 ? "newValues" : "newKeys"}.${i >> 1}`]!.data as Float32Array;
      for (let h = 0; h < kvHeads; h++)
        this.#arrays[i]!.set(fresh.subarray(h * width, (h + 1) * width), (h * this.#rows + from) * headSize);
    }
    return results.logits!.data as Float32Array;
  }
}
