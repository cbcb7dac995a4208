/** Small principled stand-ins for tests: a tokenizer of bytes, a tiny random model, and a program whose logits are what a test says. */
import { type DecoderConfig, decoderSpec, initialise, llamaConfig } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import type { Program } from "./program.ts";
import type { ServedModel, ServedTokenizer } from "./served-model.ts";

export const endText = "<|end|>";
export const endToken = 256;

/** 256 bytes and an end token. */
export const byteTokenizer: ServedTokenizer = {
  vocabSize: 257,
  specials: new Map([[endText, endToken]]),
  encode: (text, options = {}) => {
    const parts = options.readSpecialTokens === false ? [text] : text.split(endText);
    return parts.flatMap((part, i) => [...(i ? [endToken] : []), ...Buffer.from(part)]);
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
  startToken: endToken,
  stopTokens: [endToken],
  ...more,
});

/** What a scripted program was asked to do. */
export interface ProgramCall {
  readonly kind: "decode" | "prefill";
  readonly slots: readonly number[];
}

export interface ScriptedProgram extends Program {
  readonly calls: ProgramCall[];
  readonly cleared: number[];
}

export interface Script {
  readonly slots: number;
  readonly room?: number;
  readonly widths?: readonly number[];
  /** Logits after a sequence's token at a position; uniform when absent. Throwing fails the step. */
  readonly logits?: (token: number, position: number, slot: number) => Float32Array | undefined;
  /** Called before each step; the step waits for it. */
  readonly gate?: () => Promise<void> | void;
}

/** A program without a model: logits are a function of the last token, its position and its slot. */
export function scriptedProgram({ slots, room = 64, widths = [4, 16], logits, gate }: Script): ScriptedProgram {
  const vocab = 257;
  const uniform = new Float32Array(vocab);
  const calls: ProgramCall[] = [];
  const cleared: number[] = [];
  const wait = async () => {
    await gate?.();
    await new Promise(resolve => setImmediate(resolve));
  };
  return {
    slots,
    room,
    widths,
    vocab,
    cacheBytes: 0,
    fingerprint: "fp_scripted",
    calls,
    cleared,
    decode: async (tokens, positions) => {
      calls.push({ kind: "decode", slots: [...tokens.keys()].filter(s => tokens[s] !== 0) });
      const rows = Array.from(tokens, (t, s) => logits?.(t, positions[s]!, s) ?? uniform);
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
