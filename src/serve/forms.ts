/**
 * Forms of answers over a model's vocabulary, kept: the tree of the vocabulary once a tokenizer, a form as long as it is among the last ones
 * asked for, with every mask it has computed. What is kept changes how fast an answer is and never what it is.
 */
import { type ConstraintState, type Form, type TokenConstraint, TokenVocabulary, tokenConstraint } from "../text/index.ts";
import { serveErrors } from "./errors.ts";
import type { ServedTokenizer } from "./served-model.ts";

/** Forms kept a tokenizer: each may hold some megabytes of masks. */
const keptForms = 16;

interface Kept {
  readonly vocabulary: TokenVocabulary;
  /** The one asked for longest ago comes first. */
  readonly forms: Map<string, TokenConstraint>;
}

const kept = new WeakMap<ServedTokenizer, Kept>();

function keptOf(tokenizer: ServedTokenizer, place: string): Kept {
  const known = kept.get(tokenizer);
  if (known) return known;
  const { bytesOf, vocabSize } = tokenizer;
  if (!bytesOf)
    throw serveErrors.fail("unsupported", { place, message: "the served model's tokenizer does not tell the bytes of its tokens" });
  const made: Kept = { vocabulary: new TokenVocabulary(vocabSize, id => bytesOf.call(tokenizer, id)), forms: new Map() };
  kept.set(tokenizer, made);
  return made;
}

/** The beginning of a form's answers. `place` is the parameter that asks for it. Errors: text/constraint, serve/unsupported. */
export function formStart(tokenizer: ServedTokenizer, form: Form, place: string): ConstraintState {
  const { vocabulary, forms } = keptOf(tokenizer, place);
  const key = JSON.stringify([place, form]);
  const constraint = forms.get(key) ?? tokenConstraint(form, vocabulary, place);
  forms.delete(key);
  forms.set(key, constraint);
  const [oldest] = forms.keys();
  if (forms.size > keptForms && oldest !== undefined) forms.delete(oldest);
  return constraint.start;
}
