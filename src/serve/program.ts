/**
 * What the engine runs: one step of all slots, one chunk of one slot. Made from the very function that was trained (`decoderStep`), so
 * served logits are training logits. The engine knows only the interface; tests put a model of uniform logits behind it.
 */
import { cpus } from "node:os";
import { hashOf } from "../base/index.ts";
import { CachedDecoder, type CachedDecoderOptions, type Chunk, cacheBytes, type LogitRows } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import type { ServedModel } from "./served-model.ts";

export interface Program {
  readonly slots: number;
  /** Positions a slot. */
  readonly room: number;
  readonly widths: readonly number[];
  readonly vocab: number;
  /** Bytes of keys and values. */
  readonly cacheBytes: number;
  /** Identity of everything that decides a token but the request: `system_fingerprint` of the answers. */
  readonly fingerprint: string;
  /** Token i of slot i at position i; logits after it [slots, V]. */
  decode(tokens: Int32Array, positions: Int32Array): Promise<LogitRows>;
  /** A chunk of a sequence in a slot; logits after its last token as row 0. */
  prefill(slot: number, sequence: readonly number[], chunk: Chunk): Promise<LogitRows>;
  /** Forgets a slot's numbers; only needed after they broke down. */
  clear(slot: number): Promise<void>;
  dispose(): void;
}

/** Raise it when the same logits would give another token: it is part of the fingerprint. */
const samplingVersion = 1;

/** Kernels are chosen by backend, version and processor, and may round differently; threads split rows and change no bit. */
const backendIdentity = ({ capabilities: { name, details } }: Device) => ({
  backend: { name, ...details, threads: null },
  processor: `${process.arch} ${cpus()[0]?.model ?? ""}`,
});

/**
 * Builds the programs of a model on the device that holds its parameters, and runs each once, so that the first request meets no
 * compilation. Slots default to 8.
 */
export async function openProgram(model: ServedModel, device: Device, options: CachedDecoderOptions = {}): Promise<Program> {
  const { config, parameters } = model;
  const decoder = await CachedDecoder.open(config, device, { slots: 8, ...options });
  try {
    const programs = await decoder.prepare(parameters);
    for (const width of decoder.widths) (await decoder.prefill(parameters, 0, [0], { start: 0, count: 1, width })).release();
    (await decoder.decode(parameters, new Int32Array(decoder.slots), new Int32Array(decoder.slots))).release();
    const identity = { weights: model.fingerprint, programs, samplingVersion, ...backendIdentity(device) };
    return {
      slots: decoder.slots,
      room: decoder.room,
      widths: decoder.widths,
      vocab: config.vocab,
      cacheBytes: cacheBytes(config, decoder.slots, decoder.room),
      fingerprint: `fp_${hashOf(identity).slice(0, 16)}`,
      decode: (tokens, positions) => decoder.decode(parameters, tokens, positions),
      prefill: (slot, sequence, chunk) => decoder.prefill(parameters, slot, sequence, chunk),
      clear: slot => decoder.clear(slot),
      dispose: () => decoder.dispose(),
    };
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}
