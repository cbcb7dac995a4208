/**
 * An answer's form where the model reasons before it: the form holds for what is behind the reasoning, which is free and may be bounded. It needs
 * marks that are tokens of their own, as they are in every vocabulary of a model that reasons; where they are not, the form holds from the start.
 */
import type { FormState } from "../../../nn/index.ts";
import { eitherForm, formAfter, formBehindToken, formIfToken } from "../../form-states.ts";
import type { ServedModel } from "../../served-model.ts";
import { markToken, type ReasoningMarks } from "./marks.ts";

interface ReasoningBound {
  readonly marks: ReasoningMarks;
  /** The answer begins inside of the reasoning. */
  readonly isOpen: boolean;
  /** Tokens of the reasoning at most. */
  readonly most: number | undefined;
}

/** `form`: of what is behind the reasoning; anything when absent. Absent where nothing is held to anything. */
export function behindReasoning(
  model: Pick<ServedModel, "tokenizer">,
  { marks, isOpen, most }: ReasoningBound,
  form: FormState | undefined,
): FormState | undefined {
  if (!form && most === undefined) return undefined;
  const { vocabSize } = model.tokenizer;
  const [open, close] = [markToken(model, marks.open), markToken(model, marks.close)];
  if (close === undefined) return form;
  const reasoned = formBehindToken({ vocabSize, token: close, most, following: form });
  if (isOpen) return reasoned;
  if (open === undefined) return form;
  return form ? eitherForm([form, formAfter([open], reasoned)]) : formIfToken(vocabSize, open, reasoned);
}
