/**
 * A decoder with a cache of keys and values, cut into slots of `room` positions: one program that takes a token of every slot, and one for
 * each chunk width of one slot. Programs share parameters, which are passed in and stay the caller's, and write the cache in place. It
 * knows no requests: who sits in a slot is its owner's business. One call at a time.
 */
import type { MapLeaves } from "../../base/index.ts";
import { type Compiled, compile, type Device, type DeviceArray, graphHash, type Tensor } from "../../tensor/index.ts";
import { cacheShape, type Decoder, type DecoderCache, type DecoderConfig, type DecoderSpec, decoderStep } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { ArraysOf } from "../parameters.ts";
import { type Chunk, defaultWidths, usableWidths } from "./chunks.ts";

export interface CachedDecoderOptions {
  /** Sequences that can be in the cache at once; 1 when absent. */
  readonly slots?: number;
  /** Widths of chunks; see `chunks.ts`. */
  readonly widths?: readonly number[];
  /** Positions a slot; the model's context when absent. */
  readonly room?: number;
}

export type DecoderParameters = ArraysOf<DecoderSpec>;

/** Logits of some rows. A row is a view that is valid until `release`. */
export interface LogitRows {
  row(index: number): Float32Array;
  release(): void;
}

type CacheArrays = MapLeaves<DecoderCache, Tensor, DeviceArray>;
interface Out {
  readonly logits: Tensor;
  readonly cache: DecoderCache;
}
type DecodeProgram = Compiled<readonly [Decoder, DecoderCache, Tensor, Tensor], Out>;
type ChunkProgram = Compiled<readonly [Decoder, DecoderCache, Tensor, Tensor, Tensor, Tensor], Out>;

/** Inputs that stay where they are, so that a program's bindings are prepared once. */
interface ChunkInputs {
  readonly tokens: DeviceArray;
  readonly positions: DeviceArray;
  readonly slot: DeviceArray;
  readonly last: DeviceArray;
}

export class CachedDecoder {
  readonly config: DecoderConfig;
  readonly slots: number;
  readonly room: number;
  readonly widths: readonly number[];
  readonly #decode: DecodeProgram;
  readonly #chunk: ChunkProgram;
  readonly #inputs: { readonly tokens: DeviceArray; readonly positions: DeviceArray };
  readonly #chunkInputs: ReadonlyMap<number, ChunkInputs>;
  #cache: CacheArrays;

  private constructor(
    config: DecoderConfig,
    device: Device,
    options: Required<CachedDecoderOptions>,
    cache: CacheArrays,
    inputs: { readonly tokens: DeviceArray; readonly positions: DeviceArray },
    chunkInputs: ReadonlyMap<number, ChunkInputs>,
  ) {
    this.config = config;
    this.slots = options.slots;
    this.room = options.room;
    this.widths = options.widths;
    this.#cache = cache;
    this.#inputs = inputs;
    this.#chunkInputs = chunkInputs;
    const { room } = options;
    this.#decode = compile(
      (p: Decoder, cached: DecoderCache, tokens: Tensor, positions: Tensor) => decoderStep(config, p, cached, { tokens, positions }, room),
      { device, donate: [1], name: "decode" },
    );
    this.#chunk = compile(
      (p: Decoder, cached: DecoderCache, tokens: Tensor, positions: Tensor, slots: Tensor, last: Tensor) =>
        decoderStep(config, p, cached, { tokens, positions, slots, last }, room),
      { device, donate: [1], name: "prefill" },
    );
  }

  /** Allocates the cache, zeroed. Errors: nn/config where slots or room are not positive or room is beyond the context. */
  static async open(config: DecoderConfig, device: Device, options: CachedDecoderOptions = {}): Promise<CachedDecoder> {
    const { slots = 1, room = config.context } = options;
    if (!Number.isSafeInteger(slots) || slots < 1)
      throw nnErrors.fail("config", { place: "cache.slots", expected: "a whole number from 1", received: String(slots) });
    if (!Number.isSafeInteger(room) || room < 1 || room > config.context)
      throw nnErrors.fail("config", { place: "cache.room", expected: `1 to the context ${config.context}`, received: String(room) });
    const widths = usableWidths(options.widths ?? defaultWidths, room);
    const flat = cacheShape(config, slots, room);
    const layers: { keys: DeviceArray; values: DeviceArray }[] = [];
    for (let i = 0; i < config.layers; i++) layers.push({ keys: await device.zeros(flat), values: await device.zeros(flat) });
    const zeros = (shape: readonly number[]) => device.zeros(shape, "i32");
    const chunkInputs = new Map<number, ChunkInputs>();
    for (const w of widths)
      chunkInputs.set(w, { tokens: await zeros([1, w]), positions: await zeros([1, w]), slot: await zeros([1]), last: await zeros([1]) });
    const inputs = { tokens: await zeros([slots, 1]), positions: await zeros([slots, 1]) };
    return new CachedDecoder(config, device, { slots, room, widths }, { layers }, inputs, chunkInputs);
  }

  /** Builds every program for parameters of these shapes, without running them. Gives the hashes of what was traced. */
  async prepare(parameters: DecoderParameters): Promise<readonly string[]> {
    const { tokens, positions } = this.#inputs;
    const hashes = [graphHash(await this.#decode.prepare(parameters, this.#cache, tokens, positions))];
    for (const i of this.#chunkInputs.values())
      hashes.push(graphHash(await this.#chunk.prepare(parameters, this.#cache, i.tokens, i.positions, i.slot, i.last)));
    return hashes;
  }

  /**
   * One token in every slot: writes token i of slot i at position i and gives the logits after it [slots, V]. A slot that has nothing to say
   * is given the first position that it has not computed, where a later token is written anyway.
   */
  async decode(parameters: DecoderParameters, tokens: Int32Array, positions: Int32Array): Promise<LogitRows> {
    await this.#inputs.tokens.write(tokens);
    await this.#inputs.positions.write(positions);
    return this.#take(await this.#decode(parameters, this.#cache, this.#inputs.tokens, this.#inputs.positions));
  }

  /** A chunk of a sequence in a slot; `sequence` holds all its tokens. Gives the logits after the chunk's last token, as row 0. */
  async prefill(parameters: DecoderParameters, slot: number, sequence: readonly number[], chunk: Chunk): Promise<LogitRows> {
    const inputs = this.#chunkInputs.get(chunk.width);
    if (!inputs)
      throw nnErrors.fail("config", {
        place: "prefill.width",
        expected: `one of ${this.widths.join(", ")}`,
        received: String(chunk.width),
      });
    await inputs.tokens.write(Int32Array.from({ length: chunk.width }, (_, i) => (i < chunk.count ? sequence[chunk.start + i]! : 0)));
    await inputs.positions.write(Int32Array.from({ length: chunk.width }, (_, i) => chunk.start + i));
    await inputs.slot.write(Int32Array.of(slot));
    await inputs.last.write(Int32Array.of(chunk.count - 1));
    return this.#take(await this.#chunk(parameters, this.#cache, inputs.tokens, inputs.positions, inputs.slot, inputs.last));
  }

  async #take(out: MapLeaves<Out, Tensor, DeviceArray>): Promise<LogitRows> {
    this.#cache = out.cache;
    const { logits } = out;
    const vocab = logits.shape[1]!;
    // in place where memory can be reached: 50,000 logits a slot are not worth a copy
    const values = (logits.memory.host() ?? (await logits.read())) as Float32Array;
    return { row: index => values.subarray(index * vocab, (index + 1) * vocab), release: () => logits.dispose() };
  }

  /** Zeroes a slot. Needed only after numbers in it broke down: a NaN would leak through the mask (0 * NaN) to the slot's next owner. */
  async clear(slot: number): Promise<void> {
    const size = this.config.kvHeads * this.room * this.config.headSize;
    for (const { keys, values } of this.#cache.layers)
      for (const array of [keys, values]) {
        const data = (array.memory.host() ?? (await array.read())) as Float32Array;
        data.fill(0, slot * size, (slot + 1) * size);
        if (!array.memory.host()) await array.write(data);
      }
  }

  dispose(): void {
    this.#decode.dispose();
    this.#chunk.dispose();
    for (const { keys, values } of this.#cache.layers) {
      keys.dispose();
      values.dispose();
    }
    for (const inputs of [this.#inputs, ...this.#chunkInputs.values()]) for (const a of Object.values(inputs)) a.dispose();
  }
}
