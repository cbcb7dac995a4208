/**
 * Jumping ahead: where a form leaves a single way to go on (a property's name, the punctuation around it), its text is said without asking
 * the model, in the tokens in which the tokenizer itself writes it. The last of them is left to the model: with what follows it may make
 * another token. Idea: SGLang's jump-forward decoding (Zheng et al. 2024).
 */
import type { FormState } from "../nn/index.ts";
import type { ServedTokenizer } from "./served-model.ts";

/** Fewer are not worth a chunk: a step that says one of them takes as long. */
const fewest = 2;

/** Texts that are kept a tokenizer: names and punctuation of the forms that are in use. */
const keptTexts = 4096;
const kept = new WeakMap<ServedTokenizer, Map<string, readonly number[]>>();

/** The tokenizer's tokens of a text, as far as they spell it. */
function spelling(tokenizer: ServedTokenizer, bytes: Uint8Array): readonly number[] {
  // a character that is cut by the end is no text yet
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true });
  const texts = kept.get(tokenizer) ?? new Map<string, readonly number[]>();
  kept.set(tokenizer, texts);
  const known = texts.get(text);
  if (known) return known;
  const ids = Array.from(tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens: false }));
  let at = 0;
  const wrong = ids.findIndex(id => {
    const of = tokenizer.bytesOf?.(id);
    const spells = of !== undefined && of.length > 0 && of.every((b, i) => b === bytes[at + i]);
    at += of?.length ?? 0;
    return !spells;
  });
  const right = wrong < 0 ? ids : ids.slice(0, wrong);
  if (texts.size >= keptTexts) texts.clear();
  texts.set(text, right);
  return right;
}

/** Tokens that an answer in this state gets without the model; mostly none. */
export function forcedTokens(tokenizer: ServedTokenizer, state: FormState): readonly number[] {
  const { forced } = state;
  if (!forced || forced.length < fewest) return [];
  const taken: number[] = [];
  let at: FormState | undefined = state;
  for (const id of spelling(tokenizer, forced)) {
    at = at.next(id);
    if (!at) break;
    taken.push(id);
  }
  if (!at?.isComplete) taken.pop();
  return taken.length < fewest ? [] : taken;
}
