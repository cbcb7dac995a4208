/**
 * A decoder with a cache of keys and values, cut into slots of `room` positions: one program that takes a token of every slot, one for each
 * chunk width of one slot, and one that gives the logits after each token of a short chunk (for guessed tokens); each of them for a few
 * numbers of the slots' first pages, of which the least runs that holds what is seen. Programs share parameters, which are passed in and stay
 * the caller's, and write the cache in place. It knows no requests: who sits in a slot is its owner's business. One call at a time.
 */
import type { MapLeaves } from "../../base/index.ts";
import { type Compiled, compile, type Device, type DeviceArray, type Graph, graphHash, type Tensor } from "../../tensor/index.ts";
import { type AdapterInputs, adapted } from "../adapters/adapted.ts";
import { AdapterBank, type AdapterRoom } from "../adapters/bank.ts";
import { type CachePage, cacheBytes, cachePages, cacheViews, pageShape, positionsOf } from "../cache-pages.ts";
import { type Decoder, type DecoderCache, type DecoderConfig, type DecoderSpec, decoderStep } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { ArraysOf } from "../parameters.ts";
import { type Chunk, defaultWidths, usableWidths } from "./chunks.ts";
import { type CacheArrays, SlotCopy, type SlotSpan } from "./slot-copy.ts";

export interface CachedDecoderOptions {
  /** Sequences that can be in the cache at once; 1 when absent. */
  readonly slots?: number;
  /** Widths of chunks; see `chunks.ts`. */
  readonly widths?: readonly number[];
  /** Positions a slot; the model's context when absent. */
  readonly room?: number;
  /** Tokens of one slot that `verify` takes at once; 8 when absent, fewer where the room is smaller. */
  readonly verifyWidth?: number;
  /** Tokens of every slot that one `decode` may take instead of a single one: a known one and guesses after it; 1 when absent. */
  readonly roundWidth?: number;
  /** Rows of a page of the cache; see `cachePages`. */
  readonly pageRows?: number;
  /** Room for adapters; none when absent. Each program is then built twice, and the one without them costs nothing more than it did. */
  readonly adapters?: AdapterRoom;
}

export type DecoderParameters = ArraysOf<DecoderSpec>;

/** Logits of some rows. A row is a view that is valid until `release`. */
export interface LogitRows {
  row(index: number): Float32Array;
  release(): void;
}

/** What steps of a decoder over a cache are asked of; `CachedDecoder` has the meanings. */
export interface StepDecoder {
  readonly config: DecoderConfig;
  readonly slots: number;
  readonly room: number;
  readonly widths: readonly number[];
  readonly verifyWidth: number;
  readonly roundWidth: number;
  readonly bank: AdapterBank | undefined;
  readonly pages: readonly CachePage[];
  readonly views: readonly number[];
  readonly cacheBytes: number;
  seesAll: boolean;
  prepare(parameters: DecoderParameters, withAdapters?: boolean): Promise<readonly string[]>;
  decode(
    parameters: DecoderParameters,
    tokens: Int32Array,
    positions: Int32Array,
    adapters?: Int32Array,
    end?: number,
    counting?: readonly number[],
  ): Promise<LogitRows>;
  prefill(parameters: DecoderParameters, slot: number, sequence: readonly number[], chunk: Chunk, adapter?: number): Promise<LogitRows>;
  verify(parameters: DecoderParameters, slot: number, sequence: readonly number[], start: number, adapter?: number): Promise<LogitRows>;
  copy(span: SlotSpan): Promise<void>;
  clear(slot: number): Promise<void>;
  overwrite(slot: number, numbers: Float32Array): Promise<void>;
  dispose(): void;
}

interface Out {
  readonly logits: Tensor;
  readonly cache: DecoderCache;
}
/** What a program takes of adapters: nothing, which makes it the plain one. */
type Adapters = AdapterInputs | Record<string, never>;
type DecodeProgram = Compiled<readonly [Decoder, DecoderCache, Tensor, Tensor, Adapters], Out>;
type ChunkProgram = Compiled<readonly [Decoder, DecoderCache, Tensor, Tensor, Tensor, Tensor, Adapters], Out>;
type VerifyProgram = Compiled<readonly [Decoder, DecoderCache, Tensor, Tensor, Tensor, Adapters], Out>;
/** Where the adapters are, and an input for those of a batch's rows, and of one row. */
interface AdapterArrays {
  readonly bank: AdapterBank;
  readonly rows: DeviceArray;
  readonly row: DeviceArray;
}

/** Inputs that stay where they are, so that a program's bindings are prepared once. */
interface StepInputs {
  readonly tokens: DeviceArray;
  readonly positions: DeviceArray;
}
interface ChunkInputs extends StepInputs {
  readonly slot: DeviceArray;
  readonly last: DeviceArray;
}

/** As many rows as the decode program of a common engine has: a step that verifies costs about as much as one that decodes. */
const defaultVerifyWidth = 8;

/** Programs that are built at once; each one's graph takes memory until its session is there. */
const mostBuilt = 3;

/** Lets signals, probes and sockets in: tracing a large model's program takes a tenth of a second and more. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

export class CachedDecoder implements StepDecoder {
  readonly config: DecoderConfig;
  readonly slots: number;
  readonly room: number;
  readonly widths: readonly number[];
  readonly verifyWidth: number;
  readonly roundWidth: number;
  /** The adapters; undefined where there is no room for any. */
  readonly bank: AdapterBank | undefined;
  readonly pages: readonly CachePage[];
  /** Numbers of first pages that there are programs for, ascending. */
  readonly views: readonly number[];
  /** Every program looks at all pages, for a comparison with those that need not. */
  seesAll = false;
  readonly #device: Device;
  readonly #decode: DecodeProgram;
  readonly #chunk: ChunkProgram;
  readonly #verify: VerifyProgram;
  readonly #copy: SlotCopy;
  /** By tokens of a slot. */
  readonly #inputs: ReadonlyMap<number, StepInputs>;
  readonly #chunkInputs: ReadonlyMap<number, ChunkInputs>;
  readonly #verifyInputs: ChunkInputs;
  readonly #adapters: AdapterArrays | undefined;
  #cache: CacheArrays;

  private constructor(
    config: DecoderConfig,
    device: Device,
    options: Required<Omit<CachedDecoderOptions, "adapters" | "pageRows">> & { readonly pages: readonly CachePage[] },
    cache: CacheArrays,
    inputs: ReadonlyMap<number, StepInputs>,
    chunkInputs: ReadonlyMap<number, ChunkInputs>,
    verifyInputs: ChunkInputs,
    adapters: AdapterArrays | undefined,
  ) {
    this.config = config;
    this.#device = device;
    this.slots = options.slots;
    this.room = options.room;
    this.widths = options.widths;
    this.verifyWidth = options.verifyWidth;
    this.roundWidth = options.roundWidth;
    this.pages = options.pages;
    this.views = cacheViews(options.pages);
    this.#cache = cache;
    this.#inputs = inputs;
    this.#chunkInputs = chunkInputs;
    this.#verifyInputs = verifyInputs;
    this.#adapters = adapters;
    this.bank = adapters?.bank;
    const shown = (cached: DecoderCache) => options.pages.slice(0, cached.layers[0]!.pages.length);
    const withAdapters = (p: Decoder, a: Adapters): Decoder => ("bank" in a ? adapted(p, a as AdapterInputs, this.bank!.rank) : p);
    // one program for each width, view and kind of row, all built by `prepare`: no request may wait for one
    const fixed = { device, donate: [1], constant: [0], keptPrograms: Number.POSITIVE_INFINITY };
    this.#decode = compile(
      (p: Decoder, cached: DecoderCache, tokens: Tensor, positions: Tensor, a: Adapters) =>
        decoderStep(config, withAdapters(p, a), cached, { tokens, positions, every: true }, shown(cached)),
      { ...fixed, name: "decode" },
    );
    this.#chunk = compile(
      (p: Decoder, cached: DecoderCache, tokens: Tensor, positions: Tensor, slots: Tensor, last: Tensor, a: Adapters) =>
        decoderStep(config, withAdapters(p, a), cached, { tokens, positions, slots, last }, shown(cached)),
      { ...fixed, name: "prefill" },
    );
    this.#verify = compile(
      (p: Decoder, cached: DecoderCache, tokens: Tensor, positions: Tensor, slots: Tensor, a: Adapters) =>
        decoderStep(config, withAdapters(p, a), cached, { tokens, positions, slots, every: true }, shown(cached)),
      { ...fixed, name: "verify" },
    );
    this.#copy = new SlotCopy(config, device, options.pages);
  }

  /** Allocates the cache, zeroed. Errors: nn/config where slots or room are not positive or room is beyond the context. */
  static async open(config: DecoderConfig, device: Device, options: CachedDecoderOptions = {}): Promise<CachedDecoder> {
    const { slots = 1, room = config.context } = options;
    if (!Number.isSafeInteger(slots) || slots < 1)
      throw nnErrors.fail("config", { place: "cache.slots", expected: "a whole number from 1", received: String(slots) });
    if (!Number.isSafeInteger(room) || room < 1 || room > config.context)
      throw nnErrors.fail("config", { place: "cache.room", expected: `1 to the context ${config.context}`, received: String(room) });
    const widths = usableWidths(options.widths ?? defaultWidths, room);
    const zeros = (shape: readonly number[]) => device.zeros(shape, "i32");
    // first, for it refuses numbers too
    const adapters = options.adapters && {
      bank: await AdapterBank.open(config, device, options.adapters),
      rows: await zeros([slots]),
      row: await zeros([1]),
    };
    const cached = cachePages(config, room, options.pageRows);
    const layers: { pages: { keys: DeviceArray; values: DeviceArray }[] }[] = [];
    for (let i = 0; i < config.layers; i++) {
      const pages: { keys: DeviceArray; values: DeviceArray }[] = [];
      for (const page of cached) {
        const shape = pageShape(config, slots, page);
        pages.push({ keys: await device.zeros(shape), values: await device.zeros(shape) });
      }
      layers.push({ pages });
    }
    const inputsOf = async (w: number): Promise<ChunkInputs> => ({
      tokens: await zeros([1, w]),
      positions: await zeros([1, w]),
      slot: await zeros([1]),
      last: await zeros([1]),
    });
    const chunkInputs = new Map<number, ChunkInputs>();
    for (const w of widths) chunkInputs.set(w, await inputsOf(w));
    const roundWidth = Math.min(options.roundWidth ?? 1, room);
    const inputs = new Map<number, StepInputs>();
    for (const w of new Set([1, roundWidth])) inputs.set(w, { tokens: await zeros([slots, w]), positions: await zeros([slots, w]) });
    const verifyWidth = Math.min(options.verifyWidth ?? defaultVerifyWidth, room);
    const whole = { slots, room, widths, verifyWidth, roundWidth, pages: cached };
    return new CachedDecoder(config, device, whole, { layers }, inputs, chunkInputs, await inputsOf(verifyWidth), adapters);
  }

  /**
   * Builds every program for parameters of these shapes, without running them; those with adapters where that is said. Gives the hashes of what
   * was traced.
   */
  async prepare(parameters: DecoderParameters, withAdapters = false): Promise<readonly string[]> {
    const [all, one] = withAdapters ? [this.#adapterInputs("rows"), this.#adapterInputs("row")] : [{}, {}];
    const v = this.#verifyInputs;
    const programs = this.views.flatMap(view => {
      const cache = this.#first(view);
      const positions = positionsOf(this.pages, view);
      return [
        ...Array.from(this.#inputs.values(), i => () => this.#decode.prepare(parameters, cache, i.tokens, i.positions, all)),
        ...[...this.#chunkInputs].flatMap(([width, i]) =>
          width <= positions ? [() => this.#chunk.prepare(parameters, cache, i.tokens, i.positions, i.slot, i.last, one)] : [],
        ),
        ...(this.verifyWidth <= positions ? [() => this.#verify.prepare(parameters, cache, v.tokens, v.positions, v.slot, one)] : []),
      ];
    });
    // the first one arranges the weights for all; the others are traced while those before them are built
    const building: Promise<Graph>[] = [];
    for (const [i, prepare] of programs.entries()) {
      await (i < 2 ? building[0] : building[i - mostBuilt]);
      const graph = prepare();
      graph.catch(() => {});
      building.push(graph);
      await turn();
    }
    const hashes: string[] = [];
    for (const graph of await Promise.all(building)) {
      hashes.push(graphHash(graph));
      await turn();
    }
    return hashes;
  }

  /** Bytes of keys and values. */
  get cacheBytes(): number {
    return cacheBytes(this.config, this.slots, this.pages);
  }

  /** The first pages of the cache. */
  #first(count: number): CacheArrays {
    if (count === this.pages.length) return this.#cache;
    return { layers: this.#cache.layers.map(({ pages }) => ({ pages: pages.slice(0, count) })) };
  }

  /** Those that hold positions 0 .. end - 1. */
  #holding(end: number): CacheArrays {
    const count = this.seesAll ? undefined : this.views.find(n => positionsOf(this.pages, n) >= end);
    return this.#first(count ?? this.pages.length);
  }

  #adapterInputs(which: "rows" | "row") {
    const a = this.#adapters;
    if (a) return { bank: a.bank.arrays, rows: a[which] };
    throw nnErrors.fail("config", { place: "cache.adapters", expected: "room for adapters", received: "none" });
  }

  /** A program's last argument for the adapters of its rows; without them the program is the plain one. */
  async #adaptersOf(which: "rows" | "row", rows: Int32Array | undefined): Promise<MapLeaves<Adapters, Tensor, DeviceArray>> {
    if (!rows) return {};
    const inputs = this.#adapterInputs(which);
    await inputs.rows.write(rows);
    return inputs;
  }

  /**
   * One token in every slot: writes token i of slot i at position i and gives the logits after it [slots, V]. A slot that has nothing to say
   * is given the first position that it has not computed, where a later token is written anyway. `adapters` says which adapter each slot has
   * (1 is the bank's first, 0 none); absent, the program without any runs.
   *
   * A round takes `roundWidth` tokens of every slot, one slot after the other, and gives the logits after each. A slot with fewer repeats its
   * last one at its position, which writes there what is there.
   *
   * `end` is behind the last position of those slots whose logits count; behind all where absent. What lies in pages behind it is not read.
   * `counting` names those slots, all where absent; of the others nothing need be computed, and their rows must not be read.
   */
  async decode(
    parameters: DecoderParameters,
    tokens: Int32Array,
    positions: Int32Array,
    adapters?: Int32Array,
    end = 1 + positions.reduce((a, b) => Math.max(a, b), 0),
  ): Promise<LogitRows> {
    const inputs = this.#inputs.get(tokens.length / this.slots);
    if (!inputs)
      throw nnErrors.fail("config", {
        place: "decode.tokens",
        expected: `${[...this.#inputs.keys()].join(" or ")} of each of ${this.slots} slots`,
        received: String(tokens.length),
      });
    await inputs.tokens.write(tokens);
    await inputs.positions.write(positions);
    const rows = await this.#adaptersOf("rows", adapters);
    return this.#take(await this.#decode(parameters, this.#holding(end), inputs.tokens, inputs.positions, rows));
  }

  /**
   * A chunk of a sequence in a slot; `sequence` holds all its tokens. Gives the logits after the chunk's last token, as row 0. `adapter` as in
   * `decode`, of this slot.
   */
  async prefill(
    parameters: DecoderParameters,
    slot: number,
    sequence: readonly number[],
    chunk: Chunk,
    adapter?: number,
  ): Promise<LogitRows> {
    const inputs = this.#chunkInputs.get(chunk.width);
    if (!inputs)
      throw nnErrors.fail("config", {
        place: "prefill.width",
        expected: `one of ${this.widths.join(", ")}`,
        received: String(chunk.width),
      });
    await fill(inputs, slot, sequence, chunk);
    await inputs.last.write(Int32Array.of(chunk.count - 1));
    const row = await this.#adaptersOf("row", rowOf(adapter));
    const cache = this.#holding(chunk.start + chunk.width);
    return this.#take(await this.#chunk(parameters, cache, inputs.tokens, inputs.positions, inputs.slot, inputs.last, row));
  }

  /**
   * Tokens start.. of a sequence in a slot, at most `verifyWidth` and all within the room; gives the logits after each of them as rows 0, 1, ...
   * What a guess wrote behind the last right token is written again later. `adapter` as in `prefill`.
   */
  async verify(
    parameters: DecoderParameters,
    slot: number,
    sequence: readonly number[],
    start: number,
    adapter?: number,
  ): Promise<LogitRows> {
    const inputs = this.#verifyInputs;
    const width = this.verifyWidth;
    const count = sequence.length - start;
    if (count < 1 || count > width || start + width > this.room)
      throw nnErrors.fail("config", {
        place: "verify.start",
        expected: `1 to ${width} tokens with ${width} positions left`,
        received: `${count} tokens from position ${start} of ${this.room}`,
      });
    await fill(inputs, slot, sequence, { start, count, width });
    const row = await this.#adaptersOf("row", rowOf(adapter));
    return this.#take(await this.#verify(parameters, this.#holding(start + width), inputs.tokens, inputs.positions, inputs.slot, row));
  }

  /** Copies positions of one slot to another, as they are. */
  async copy(span: SlotSpan): Promise<void> {
    if (span.start >= span.end || span.from === span.to || this.#copy.onHost(this.#cache, span)) return;
    this.#cache = await this.#copy.onDevice(this.#device, this.#cache, span);
  }

  async #take(out: MapLeaves<Out, Tensor, DeviceArray>): Promise<LogitRows> {
    const { logits, cache } = out;
    const given = cache.layers[0]!.pages.length;
    this.#cache =
      given === this.pages.length
        ? cache
        : { layers: this.#cache.layers.map(({ pages }, i) => ({ pages: [...cache.layers[i]!.pages, ...pages.slice(given)] })) };
    const vocab = logits.shape[1]!;
    // in place where memory can be reached: 50,000 logits a slot are not worth a copy
    const values = (logits.memory.host() ?? (await logits.read())) as Float32Array;
    return { row: index => values.subarray(index * vocab, (index + 1) * vocab), release: () => logits.dispose() };
  }

  /** Zeroes a slot. Needed only after numbers in it broke down: a NaN would leak through the mask (0 * NaN) to the slot's next owner. */
  async clear(slot: number): Promise<void> {
    await this.overwrite(slot, Float32Array.of(0));
  }

  /** Fills a slot with some numbers again and again. */
  async overwrite(slot: number, numbers: Float32Array): Promise<void> {
    let at = 0;
    for (const { pages } of this.#cache.layers)
      for (const [i, { keys, values }] of pages.entries())
        for (const array of [keys, values]) {
          const size = this.config.kvHeads * this.pages[i]!.rows * this.config.headSize;
          const data = (array.memory.host() ?? (await array.read())) as Float32Array;
          for (let k = slot * size; k < (slot + 1) * size; k++) data[k] = numbers[at++ % numbers.length]!;
          if (!array.memory.host()) await array.write(data);
        }
  }

  dispose(): void {
    this.#decode.dispose();
    this.#chunk.dispose();
    this.#verify.dispose();
    this.#copy.dispose();
    for (const { pages } of this.#cache.layers)
      for (const { keys, values } of pages) {
        keys.dispose();
        values.dispose();
      }
    for (const inputs of [...this.#inputs.values(), this.#verifyInputs, ...this.#chunkInputs.values()])
      for (const a of Object.values(inputs)) a.dispose();
    this.bank?.dispose();
    this.#adapters?.rows.dispose();
    this.#adapters?.row.dispose();
  }
}

const rowOf = (adapter: number | undefined): Int32Array | undefined => (adapter === undefined ? undefined : Int32Array.of(adapter));

async function fill(inputs: ChunkInputs, slot: number, sequence: readonly number[], { start, count, width }: Chunk): Promise<void> {
  await inputs.tokens.write(Int32Array.from({ length: width }, (_, i) => (i < count ? sequence[start + i]! : 0)));
  await inputs.positions.write(Int32Array.from({ length: width }, (_, i) => start + i));
  await inputs.slot.write(Int32Array.of(slot));
}
