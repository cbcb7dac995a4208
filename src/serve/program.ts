/**
 * What the engine runs: one step of all slots, one chunk of one slot. Made from the very function that was trained (`decoderStep`), so
 * served logits are training logits. The engine knows only the interface; tests put a model of uniform logits behind it.
 */
import { cpus } from "node:os";
import { hashOf } from "../base/index.ts";
import {
  type Adapter,
  type AdapterRoom,
  type Chunk,
  type LogitRows,
  type OpenDecoderOptions,
  openDecoder,
  type SlotSpan,
  uniformity,
} from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import { padMask } from "./padded-vocabulary.ts";
import { checkSameTokens } from "./same-tokens.ts";
import type { ServedModel } from "./served-model.ts";

export interface Program {
  readonly slots: number;
  /** Positions a slot. */
  readonly room: number;
  readonly widths: readonly number[];
  /** Bytes of keys and values. */
  readonly cacheBytes: number;
  /** Identity of everything that decides a token but the request: `system_fingerprint` of the answers. */
  readonly fingerprint: string;
  /**
   * Token i of slot i at position i; logits after it [slots, V]. Or a round: `roundWidth` of each slot, logits after each. `adapters` has the
   * place of each slot's adapter, 0 where it has none; `end` is behind the last position of the slots whose logits count, and `counting` names
   * them. The rows of others need not be there.
   */
  decode(tokens: Int32Array, positions: Int32Array, adapters?: Int32Array, end?: number, counting?: readonly number[]): Promise<LogitRows>;
  /** A chunk of a sequence in a slot; logits after its last token as row 0. */
  prefill(slot: number, sequence: readonly number[], chunk: Chunk, adapter?: number): Promise<LogitRows>;
  /** Tokens start.. of a sequence in a slot, at most `verifyWidth` with as many positions left; logits after each as rows 0, 1, ... */
  verify(slot: number, sequence: readonly number[], start: number, adapter?: number): Promise<LogitRows>;
  readonly verifyWidth: number;
  /** Tokens of a slot in a round; 1 where there are none. */
  readonly roundWidth: number;
  /** The small model that guesses for this one, over the same slots; only where both agree to the bit. */
  readonly draft?: Program;
  /**
   * A token gets the same bits from every program. Then a known prefix may be taken over at any position and guesses may be verified in a
   * chunk without changing an answer; else both are off.
   */
  readonly isUniform: boolean;
  /** Room for adapters, where there is any. No other call may be under way while one is written; a place is emptied by `undefined`. */
  readonly adapters?: AdapterRoom & { write(place: number, adapter: Adapter | undefined): Promise<void> };
  /** Copies positions of one slot to another. */
  copy(span: SlotSpan): Promise<void>;
  /** Forgets a slot's numbers; only needed after they broke down. */
  clear(slot: number): Promise<void>;
  dispose(): void;
}

/** Raise it when the same logits would give another token: it is part of the fingerprint. */
const samplingVersion = 2;

/** Kernels are chosen by backend, version and processor, and may round differently; threads split rows and change no bit. */
const backendIdentity = ({ capabilities: { name, details } }: Device) => ({
  backend: { name, ...details, threads: null },
  processor: `${process.arch} ${cpus()[0]?.model ?? ""}`,
});

/** A small model that guesses for a served one. */
export interface Draft {
  /** Has the served model's tokens; its parameters are on the same device. */
  readonly model: ServedModel;
  /** Tokens that it guesses a round; 4 when absent. */
  readonly tokens?: number;
}

export interface ProgramOptions extends OpenDecoderOptions {
  readonly draft?: Draft;
}

const defaultDraftTokens = 4;

/**
 * Builds the programs of a model on the device that holds its parameters, and runs each once, so that the first request meets no
 * compilation. Slots default to 8. Errors: nn/config, and serve/model where a draft model has other tokens.
 */
export async function openProgram(model: ServedModel, device: Device, { draft, ...options }: ProgramOptions = {}): Promise<Program> {
  if (!draft) return openAlone(model, device, options);
  checkSameTokens(model, draft.model);
  const program = await openAlone(model, device, { ...options, roundWidth: 1 + (draft.tokens ?? defaultDraftTokens) });
  try {
    const { slots, widths, isUniform } = program;
    const room = Math.min(program.room, draft.model.config.context);
    // it verifies nothing; a program of one row would sum in another order
    const small = await openAlone(draft.model, device, { slots, room, widths, verifyWidth: 2 });
    if (isUniform && small.isUniform) return withDraft(program, small);
    small.dispose();
    return program;
  } catch (error) {
    program.dispose();
    throw error;
  }
}

/** Two programs as one. What is drawn depends on the guesses, so the fingerprint names both. */
const withDraft = (program: Program, draft: Program): Program => ({
  ...program,
  draft,
  cacheBytes: program.cacheBytes + draft.cacheBytes,
  fingerprint: fingerprintOf({ program: program.fingerprint, draft: draft.fingerprint }),
  clear: async slot => {
    await program.clear(slot);
    await draft.clear(slot);
  },
  dispose: () => {
    program.dispose();
    draft.dispose();
  },
});

const fingerprintOf = (identity: object): string => `fp_${hashOf(identity).slice(0, 16)}`;

async function openAlone(model: ServedModel, device: Device, options: OpenDecoderOptions): Promise<Program> {
  const { config, parameters, tokenizer } = model;
  const mask = padMask(tokenizer, config.vocab);
  const masked = async (rows: Promise<LogitRows>): Promise<LogitRows> => (mask ? mask(await rows) : rows);
  const decoder = await openDecoder(config, parameters, device, { slots: 8, ...options });
  try {
    const plain = await decoder.prepare(parameters);
    const adapted = decoder.bank ? await decoder.prepare(parameters, true) : [];
    // runs every program, so it warms them up too
    const { isUniform, isPlainSame, isPagedSame } = await uniformity(decoder, parameters);
    if (!isPagedSame && decoder.pages.length > 1) {
      // a token's bits must not depend on how long others are: one page, which is always looked at whole
      decoder.dispose();
      return openAlone(model, device, { ...options, pageRows: decoder.room });
    }
    const { bank } = decoder;
    /** What no row needs is not computed, where it makes no difference to any bit. */
    const needed = (adapter: number | undefined) => (bank && (adapter || !isPlainSame) ? (adapter ?? 0) : undefined);
    const allNeeded = (all: Int32Array | undefined) =>
      bank && (all?.some(a => a !== 0) || !isPlainSame) ? (all ?? new Int32Array(decoder.slots)) : undefined;
    const programs = isPlainSame ? plain : adapted;
    const identity = {
      weights: model.fingerprint,
      programs,
      samplingVersion,
      ...(mask ? { isMasked: true } : {}),
      ...backendIdentity(device),
    };
    return {
      slots: decoder.slots,
      room: decoder.room,
      widths: decoder.widths,
      cacheBytes: decoder.cacheBytes,
      fingerprint: fingerprintOf(identity),
      decode: (tokens, positions, adapters, end, counting) =>
        masked(decoder.decode(parameters, tokens, positions, allNeeded(adapters), end, counting)),
      prefill: (slot, sequence, chunk, adapter) => masked(decoder.prefill(parameters, slot, sequence, chunk, needed(adapter))),
      verify: (slot, sequence, start, adapter) => masked(decoder.verify(parameters, slot, sequence, start, needed(adapter))),
      verifyWidth: decoder.verifyWidth,
      roundWidth: decoder.roundWidth,
      isUniform,
      ...(bank
        ? {
            adapters: {
              count: bank.count,
              rank: bank.rank,
              write: (place: number, adapter: Adapter | undefined) => bank.write(place, adapter, model.smoothing),
            },
          }
        : {}),
      copy: span => decoder.copy(span),
      clear: slot => decoder.clear(slot),
      dispose: () => decoder.dispose(),
    };
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}
