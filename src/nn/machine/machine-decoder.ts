/**
 * A decoder with a cache whose steps are machine code made for it: products of bytes, attention and what lies between as one program that the
 * threads carry out together, meeting at each operation. The same calls as `CachedDecoder`, for quantised Llama-like decoders on processors
 * with 512-bit vector products of bytes. A token's result depends on nothing but its slot's tokens: not on the width of a chunk, on other rows,
 * or on the number of threads. One call at a time.
 */
import { usableFeatures } from "../../machine/index.ts";
import type { Device, DeviceArray } from "../../tensor/index.ts";
import type { CachePage } from "../cache-pages.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import { nnErrors } from "../errors.ts";
import type { CachedDecoderOptions, DecoderParameters, LogitRows, StepDecoder } from "../generate/cached-decoder.ts";
import { type Chunk, defaultWidths, usableWidths } from "../generate/chunks.ts";
import type { SlotSpan } from "../generate/slot-copy.ts";
import { blockSize } from "../weight.ts";
import type { LinearArrays } from "./builder.ts";
import { MachineCache } from "./machine-cache.ts";
import { type MachineSteps, openSteps } from "./machine-steps.ts";
import type { QuantisedArrays } from "./quantised-arrays.ts";
import { isPackable } from "./quantised-arrays.ts";

/** Raise it when kernels give other bits: it is part of the fingerprint of answers. */
export const machineRevision = 1;

/** What `quantise` makes of a decoder whose products can all be packed. */
export interface MachineParameters {
  readonly token: QuantisedArrays;
  readonly output?: QuantisedArrays;
  readonly norm: { readonly weight: DeviceArray };
  readonly blocks: readonly {
    readonly norm1: { readonly weight: DeviceArray };
    readonly norm2: { readonly weight: DeviceArray };
    readonly attention: { readonly joined: LinearArrays; readonly output: LinearArrays };
    readonly feedForward: { readonly joined: LinearArrays; readonly down: LinearArrays };
  }[];
}

const hasLayout = (c: DecoderConfig): boolean =>
  c.norm === "rms" &&
  c.positions === "rotary" &&
  c.activation === "swiglu" &&
  !c.qkNorm &&
  !c.postNorm &&
  !c.classifier &&
  c.window === undefined &&
  c.scoreCap === undefined &&
  c.logitCap === undefined &&
  c.headSize % 32 === 0 &&
  c.headSize <= 256 &&
  [c.width, c.hidden, c.heads * c.headSize].every(n => n % blockSize === 0);

function machineParameters(c: DecoderConfig, parameters: DecoderParameters): MachineParameters | undefined {
  const tree: unknown = parameters;
  const p = tree as MachineParameters;
  const isLinear = (l: LinearArrays | undefined) => l !== undefined && isPackable(l.weight);
  const fits =
    hasLayout(c) &&
    isPackable(p.token) &&
    (p.output === undefined || isPackable(p.output)) &&
    p.blocks.every(b => [b.attention.joined, b.attention.output, b.feedForward.joined, b.feedForward.down].every(isLinear));
  return fits ? p : undefined;
}

/** What lies packed elsewhere once the steps are made. */
const packedArrays = (p: MachineParameters): readonly DeviceArray[] =>
  [
    p.token,
    ...(p.output ? [p.output] : []),
    ...p.blocks.flatMap(b => [b.attention.joined, b.attention.output, b.feedForward.joined, b.feedForward.down].map(l => l.weight)),
  ].flatMap(w => ("codes" in w ? [w.codes, w.columnScales] : [w.packed, w.blockScales]));

/** Longest room whose scores fit the stack of a thread, six rows of floats. */
const mostRoom = 2 ** 16;

/**
 * The parameters where this processor can run them as machine code on this device; undefined where it cannot. `LOAM_MACHINE_CODE=off` says that
 * it shall not.
 */
export const machineReady = (config: DecoderConfig, parameters: DecoderParameters, device: Device): MachineParameters | undefined =>
  device.name === "cpu" && config.context <= mostRoom && usableFeatures().vnni512 ? machineParameters(config, parameters) : undefined;

export class MachineDecoder implements StepDecoder {
  readonly config: DecoderConfig;
  readonly slots: number;
  readonly room: number;
  readonly widths: readonly number[];
  readonly verifyWidth: number;
  readonly roundWidth: number;
  readonly bank = undefined;
  readonly pages: readonly CachePage[];
  readonly views: readonly number[] = [1];
  seesAll = false;
  readonly #cache: MachineCache;
  readonly #steps: MachineSteps;

  private constructor(
    config: DecoderConfig,
    o: Required<Omit<CachedDecoderOptions, "adapters" | "pageRows">>,
    cache: MachineCache,
    steps: MachineSteps,
  ) {
    this.config = config;
    this.slots = o.slots;
    this.room = o.room;
    this.widths = o.widths;
    this.verifyWidth = o.verifyWidth;
    this.roundWidth = o.roundWidth;
    this.pages = [{ first: 0, positions: o.room, rows: o.room }];
    this.#cache = cache;
    this.#steps = steps;
  }

  /** Packs the weights and makes the code. Errors: tensor/machine where the system refuses memory or new code. */
  static async open(
    config: DecoderConfig,
    parameters: MachineParameters,
    device: Device,
    options: CachedDecoderOptions & { readonly consume?: boolean } = {},
  ): Promise<MachineDecoder> {
    const { slots = 1, room = config.context } = options;
    const widths = usableWidths(options.widths ?? defaultWidths, room);
    const verifyWidth = Math.min(options.verifyWidth ?? 8, room);
    const roundWidth = Math.min(options.roundWidth ?? 1, room);
    const threads = Number(device.capabilities.details.threads ?? 1);
    const cache = new MachineCache(config, slots, room);
    try {
      const rows = Math.max(widths.at(-1)!, verifyWidth, slots * roundWidth);
      const steps = await openSteps(config, parameters, cache, { rows, logitRows: Math.max(verifyWidth, slots * roundWidth), threads });
      if (options.consume) for (const a of packedArrays(parameters)) a.dispose();
      return new MachineDecoder(config, { slots, room, widths, verifyWidth, roundWidth }, cache, steps);
    } catch (error) {
      cache.free();
      throw error;
    }
  }

  /** Bytes of keys and values. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /** Everything is made when it is opened. */
  async prepare(): Promise<readonly string[]> {
    return [`machine code ${machineRevision}`];
  }

  async decode(
    _parameters: DecoderParameters,
    tokens: Int32Array,
    positions: Int32Array,
    _adapters?: Int32Array,
    _end?: number,
    counting?: readonly number[],
  ): Promise<LogitRows> {
    const width = tokens.length / this.slots;
    if (width !== 1 && width !== this.roundWidth)
      throw nnErrors.fail("config", {
        place: "decode.tokens",
        expected: `1 or ${this.roundWidth} of each of ${this.slots} slots`,
        received: String(tokens.length),
      });
    const slots = counting ?? Array.from({ length: this.slots }, (_, i) => i);
    const rows = slots.flatMap(slot =>
      Array.from({ length: width }, (_, k) => ({ slot, token: tokens[slot * width + k]!, position: positions[slot * width + k]! })),
    );
    const logits = await this.#steps.run(rows, "every");
    const places = new Map(slots.flatMap((slot, i) => Array.from({ length: width }, (_, k) => [slot * width + k, i * width + k])));
    return { row: index => logits.row(places.get(index)!), release: logits.release };
  }

  async prefill(_parameters: DecoderParameters, slot: number, sequence: readonly number[], chunk: Chunk): Promise<LogitRows> {
    if (!this.widths.includes(chunk.width))
      throw nnErrors.fail("config", {
        place: "prefill.width",
        expected: `one of ${this.widths.join(", ")}`,
        received: String(chunk.width),
      });
    return this.#steps.run(this.#rowsOf(slot, sequence, chunk.start, chunk.count), "last");
  }

  async verify(_parameters: DecoderParameters, slot: number, sequence: readonly number[], start: number): Promise<LogitRows> {
    const count = sequence.length - start;
    if (count < 1 || count > this.verifyWidth || start + count > this.room)
      throw nnErrors.fail("config", {
        place: "verify.start",
        expected: `1 to ${this.verifyWidth} tokens within the room`,
        received: `${count} tokens from position ${start} of ${this.room}`,
      });
    return this.#steps.run(this.#rowsOf(slot, sequence, start, count), "every");
  }

  #rowsOf(slot: number, sequence: readonly number[], start: number, count: number) {
    return Array.from({ length: count }, (_, i) => ({ slot, token: sequence[start + i]!, position: start + i }));
  }

  async copy(span: SlotSpan): Promise<void> {
    if (span.start < span.end && span.from !== span.to) this.#cache.copy(span);
  }

  async clear(slot: number): Promise<void> {
    this.#cache.overwrite(slot, Float32Array.of(0));
  }
  async overwrite(slot: number, numbers: Float32Array): Promise<void> {
    this.#cache.overwrite(slot, numbers);
  }

  dispose(): void {
    this.#steps.free();
    this.#cache.free();
  }
}
