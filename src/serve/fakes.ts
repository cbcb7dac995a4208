/** Small principled stand-ins for tests: a tokenizer of bytes, a tiny random model, and a program whose logits are what a test says. */
import { type DecoderConfig, decoderSpec, initialise, llamaConfig, type SlotSpan } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import type { Program } from "./program.ts";
import type { ServedModel, ServedTokenizer } from "./served-model.ts";

const endText = "<|end|>";
export const fakeEndToken = 256;

/** 256 bytes and an end token. */
export const byteTokenizer: ServedTokenizer = {
  vocabSize: 257,
  specials: new Map([[endText, fakeEndToken]]),
  bytesOf: id => (id < 256 ? Uint8Array.of(id) : undefined),
  encode: (text, options = {}) => {
    const parts = options.readSpecialTokens === false ? [text] : text.split(endText);
    return parts.flatMap((part, i) => [...(i ? [fakeEndToken] : []), ...Buffer.from(part)]);
  },
  decode: ids => Buffer.from(Array.from(ids).filter(i => i < 256)).toString("utf8"),
  stream: () => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: id => (id < 256 ? decoder.decode(Uint8Array.of(id), { stream: true }) : ""),
      end: () => decoder.decode(),
    };
  },
};

export const tinyConfig: DecoderConfig = {
  ...llamaConfig({ vocab: 257, width: 32, layers: 2, heads: 2, context: 192 }),
  deviation: 0.25,
};

/** Random weights over bytes: speaks nonsense, deterministically. */
export const tinyModel = async (device: Device, more: Partial<ServedModel> = {}): Promise<ServedModel> => ({
  id: "tiny@1",
  aliases: ["tiny"],
  family: "decoder",
  config: tinyConfig,
  parameters: await initialise(decoderSpec(tinyConfig), device, "tiny"),
  tokenizer: byteTokenizer,
  fingerprint: "0".repeat(64),
  startToken: fakeEndToken,
  stopTokens: [fakeEndToken],
  ...more,
});

/** What a scripted program was asked to do. */
interface ProgramCall {
  readonly kind: "decode" | "prefill" | "verify";
  readonly slots: readonly number[];
}

export interface ScriptedProgram extends Program {
  readonly calls: ProgramCall[];
  readonly cleared: number[];
  readonly copied: SlotSpan[];
}

export interface FakeScript {
  readonly slots: number;
  readonly room?: number;
  readonly widths?: readonly number[];
  /** Logits after a sequence's token at a position; uniform when absent. Throwing fails the step. */
  readonly logits?: (token: number, position: number, slot: number) => Float32Array | undefined;
  /** Called before each step; the step waits for it. */
  readonly gate?: () => Promise<void> | void;
  /** Lets the engine take prefixes over and verify guesses; off when absent, so that tests see every chunk. */
  readonly isUniform?: boolean;
  /** Tokens of a slot in a round; 1 when absent. */
  readonly roundWidth?: number;
}

/** A program without a model: logits are a function of the last token, its position and its slot. */
export function scriptedProgram({
  slots,
  room = 64,
  widths = [4, 16],
  logits,
  gate,
  isUniform = false,
  roundWidth = 1,
}: FakeScript): ScriptedProgram {
  const uniform = new Float32Array(byteTokenizer.vocabSize);
  const calls: ProgramCall[] = [];
  const cleared: number[] = [];
  const copied: SlotSpan[] = [];
  const wait = async () => {
    await gate?.();
    await new Promise(resolve => setImmediate(resolve));
  };
  return {
    slots,
    room,
    widths,
    cacheBytes: 0,
    fingerprint: "fp_scripted",
    calls,
    cleared,
    copied,
    isUniform,
    verifyWidth: 4,
    roundWidth,
    verify: async (slot, sequence, start) => {
      calls.push({ kind: "verify", slots: [slot] });
      const rows = sequence.slice(start).map((t, i) => logits?.(t, start + i, slot) ?? uniform);
      await wait();
      return { row: i => rows[i]!, release: () => {} };
    },
    copy: async span => {
      copied.push(span);
    },
    decode: async (tokens, positions) => {
      const width = tokens.length / slots;
      const slotOf = (i: number) => Math.floor(i / width);
      calls.push({ kind: "decode", slots: [...new Set([...tokens.keys()].filter(i => tokens[i] !== 0).map(slotOf))] });
      const rows = Array.from(tokens, (t, i) => logits?.(t, positions[i]!, slotOf(i)) ?? uniform);
      await wait();
      return { row: i => rows[i]!, release: () => {} };
    },
    prefill: async (slot, sequence, chunk) => {
      calls.push({ kind: "prefill", slots: [slot] });
      const last = chunk.start + chunk.count - 1;
      const row = logits?.(sequence[last]!, last, slot) ?? uniform;
      await wait();
      return { row: () => row, release: () => {} };
    },
    clear: async slot => {
      cleared.push(slot);
    },
    dispose: () => {},
  };
}
