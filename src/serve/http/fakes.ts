/** Stand-ins for tests of the contracts: a tiny random encoder, and a decoder that says a given text. */
import { bertConfig, decoderSpec, encoderSpec, initialise } from "../../nn/index.ts";
import type { FeedbackInfo, FeedbackPort } from "../../protocols/index.ts";
import type { Device } from "../../tensor/index.ts";
import { type ServedEncoder, servedEncoder } from "../embedding/served-encoder.ts";
import { createEngine, type Engine } from "../engine.ts";
import { byteTokenizer, fakeEndToken, scriptedProgram, tinyConfig, tinyModel } from "../fakes.ts";
import type { Program } from "../program.ts";
import type { ResponseObserver } from "../response-observer.ts";
import type { ServedModel, ServedTokenizer } from "../served-model.ts";

/** Random weights over bytes. */
export async function tinyEncoder(device: Device, more: Partial<ServedEncoder> = {}): Promise<ServedEncoder> {
  const config = bertConfig({ vocab: 257, width: 32, layers: 2, heads: 2, context: 96 });
  const model = { family: "encoder", config, parameters: await initialise(encoderSpec(config), device, "tiny encoder") };
  return { ...servedEncoder({ id: "tiny-encoder@1", model, tokenizer: byteTokenizer, fingerprint: "1".repeat(64) }), ...more };
}

const gapTokens = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"];
/** Bytes, an end token, and tokens for a gap. */
const fillTokenizer: ServedTokenizer = {
  ...byteTokenizer,
  vocabSize: byteTokenizer.vocabSize + gapTokens.length,
  specials: new Map([...byteTokenizer.specials, ...gapTokens.map((text, i) => [text, byteTokenizer.vocabSize + i] as const)]),
};

/** A tiny model whose tokenizer has tokens for a gap, and whose context holds a page. */
export async function fillModel(device: Device, more: Partial<ServedModel> = {}): Promise<ServedModel> {
  const config = { ...tinyConfig, vocab: fillTokenizer.vocabSize, context: 1024 };
  const parameters = await initialise(decoderSpec(config), device, "tiny");
  return tinyModel(device, { config, parameters, tokenizer: fillTokenizer, ...more });
}

/** Answers every prompt with `says(prompt)`, byte by byte, and then the end token; what it was asked is in `prompts`. */
interface Speaker {
  readonly engine: Engine;
  readonly prompts: string[];
  /** What it says next. */
  text: string;
}

export async function speaker(device: Device, more: Partial<ServedModel>, room = 4096): Promise<Speaker> {
  const base = new Map<number, { start: number; bytes: readonly number[] }>();
  const row = (slot: number, position: number): Float32Array => {
    const logits = new Float32Array(257);
    const said = base.get(slot);
    if (said) logits[said.bytes[position + 1 - said.start] ?? fakeEndToken] = 50;
    return logits;
  };
  const prompts: string[] = [];
  const program: Program = {
    ...scriptedProgram({ slots: 4, room, widths: [16, 64], logits: (_, position, slot) => row(slot, position) }),
  };
  const prefill = program.prefill;
  const made: Speaker = {
    prompts,
    text: "",
    engine: createEngine({
      model: await tinyModel(device, more),
      device,
      open: async () => ({
        ...program,
        prefill: (slot, sequence, chunk) => {
          const before = base.get(slot);
          const says = (start: number, bytes: readonly number[]) => sequence.slice(start).every((token, i) => token === bytes[i]);
          const goesOn = before !== undefined && sequence.length > before.start && says(before.start, before.bytes);
          if (!goesOn && chunk.start + chunk.count === sequence.length) {
            const bytes = [...Buffer.from(made.text)];
            // what a form leaves no choice about is there before the first token is drawn: the prompt ends before it
            let start = Math.max(0, sequence.length - bytes.length);
            while (!says(start, bytes)) start++;
            prompts.push(Buffer.from(sequence.slice(0, start).filter(t => t < 256)).toString());
            base.set(slot, { start, bytes });
          }
          return prefill(slot, sequence, chunk);
        },
      }),
    }),
  };
  await made.engine.ready;
  return made;
}

/** Keeps feedback in memory: what `ended` was told of is known. */
export function memoryFeedback(nowMs: number): FeedbackPort & ResponseObserver {
  const known = new Map<string, { readonly model: string; readonly labels: Map<string, FeedbackInfo> }>();
  const keyOf = (owner: string | null, id: string) => `${owner} ${id}`;
  return {
    ended: ({ owner, requestId, model }) => void known.set(keyOf(owner, requestId), { model: model ?? "none", labels: new Map() }),
    give: async (owner, { requestId, source, label, score, confidence, index }) => {
      const found = known.get(keyOf(owner, requestId));
      if (!found) return { kind: "unknown" };
      if (index > 0) return { kind: "wrong", place: "index", expected: "one of the request's 1 texts: 0 to 0", received: String(index) };
      const isReplaced = found.labels.has(source);
      const said = { source, label, score, confidence, index, trusted: false, created: nowMs / 1000 };
      const feedback = { object: "feedback", request_id: requestId, model: found.model, ...said } as const;
      found.labels.set(source, feedback);
      return { kind: "kept", feedback, isReplaced };
    },
    list: async (owner, id) => {
      const found = known.get(keyOf(owner, id));
      return found && [...found.labels.values()];
    },
    remove: async (owner, id) => {
      const found = known.get(keyOf(owner, id));
      known.delete(keyOf(owner, id));
      return found?.labels.size;
    },
  };
}
