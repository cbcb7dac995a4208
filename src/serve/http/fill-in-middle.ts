/**
 * Prompts with a gap: what stands before and behind it, in the order and between the special tokens that a model was trained with (Bavarian et al. 2022,
 * "Efficient training of language models to fill in the middle"). Which tokens these are is read off the tokenizer.
 */
import type { Engine } from "../engine.ts";
import type { ServedTokenizer } from "../served-model.ts";
import { checkPromptLength, withStartToken } from "./prompt.ts";

/** Of each family; without `middle` the text behind the gap stands first. */
const formats = [
  { prefix: "<|fim_prefix|>", suffix: "<|fim_suffix|>", middle: "<|fim_middle|>" }, // Qwen 2.5 Coder, CodeGemma
  { prefix: "<fim_prefix>", suffix: "<fim_suffix>", middle: "<fim_middle>" }, // StarCoder, Granite
  { prefix: "<fim-prefix>", suffix: "<fim-suffix>", middle: "<fim-middle>" }, // SantaCoder
  { prefix: "<｜fim▁begin｜>", suffix: "<｜fim▁hole｜>", middle: "<｜fim▁end｜>" }, // DeepSeek Coder
  { prefix: "<|code_prefix|>", suffix: "<|code_suffix|>", middle: "<|code_middle|>" }, // GLM
  { prefix: "▁<PRE>", suffix: "▁<SUF>", middle: "▁<MID>" }, // Code Llama
  { prefix: "<PRE>", suffix: "<SUF>", middle: "<MID>" },
  { prefix: "[PREFIX]", suffix: "[SUFFIX]" }, // Codestral
] as const;

/** Tokens that end the text in the gap, beside the model's own: what follows would be another file. */
const ends = [
  "<|fim_pad|>",
  "<fim_pad>",
  "<|file_sep|>",
  "<|file_separator|>",
  "<file_sep>",
  "<|repo_name|>",
  "▁<EOT>",
  "<EOT>",
  "<|EOT|>",
];

interface FillFormat {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number | undefined;
  /** Beside the model's own. */
  readonly stopTokens: readonly number[];
}

/** Undefined where the tokenizer has no tokens for a gap. */
export function fillFormatOf({ specials }: Pick<ServedTokenizer, "specials">): FillFormat | undefined {
  for (const format of formats) {
    const [prefix, suffix] = [specials.get(format.prefix), specials.get(format.suffix)];
    const middle = "middle" in format ? specials.get(format.middle) : undefined;
    if (prefix === undefined || suffix === undefined || ("middle" in format && middle === undefined)) continue;
    const stopTokens = [prefix, suffix, middle, ...ends.map(text => specials.get(text))].filter(id => id !== undefined);
    return { prefix, suffix, middle, stopTokens };
  }
  return undefined;
}

/** The tokens before and behind a gap, in the order of the model's training. */
export const gapTokens = ({ prefix, suffix, middle }: FillFormat, before: readonly number[], behind: readonly number[]): number[] =>
  middle === undefined ? [suffix, ...behind, prefix, ...before] : [prefix, ...before, suffix, ...behind, middle];

/** Tokens of a prompt whose continuation fills the gap. The texts cannot write special tokens. Errors: serve/contextLength. */
export function fillTokens(engine: Engine, format: FillFormat, before: string, behind: string): number[] {
  const { model } = engine;
  checkPromptLength(engine, before.length + behind.length, "prompt");
  const encode = (text: string) => Array.from(model.tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens: false }));
  return withStartToken(model, gapTokens(format, encode(before), encode(behind)));
}
