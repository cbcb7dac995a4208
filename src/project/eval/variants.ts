/** Which variants of the items an evaluation asks, and what each asks instead: known for all tasks before anybody is asked about one. */
import type { Progress } from "../../base/index.ts";
import { counterfactualDigest, counterfactualKinds } from "../../data/index.ts";
import {
  checkVaried,
  type EvaluatedModel,
  itemChange,
  keptAnswers,
  type LoadedTask,
  type Paraphrases,
  paraphrasesOf,
  rememberedAnswers,
  type VariantName,
  wordingChange,
} from "../../evaluate/index.ts";
import type { Store } from "../../store/index.ts";
import type { Variation } from "./record.ts";

/** A variant of one task's items. */
export interface AskedVariant extends Variation {
  /** Of `paraphrase`: the other words, and who wrote those that the items do not bring along. */
  readonly paraphrases?: Paraphrases & { readonly writer?: string };
}

interface Varying {
  readonly loaded: LoadedTask;
  /** Writes paraphrases, and keeps what it wrote in its store. */
  readonly writer?: { readonly model: EvaluatedModel; readonly store: Store } | undefined;
  /** Writes again what is kept. */
  readonly fresh: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

const isCounterfactual = (name: VariantName): boolean => (counterfactualKinds as readonly VariantName[]).includes(name);

/** What a variant of a task asks. Errors: those of the task and, for paraphrases, of the writer; the signal's reason. */
export async function askedVariant(name: VariantName, o: Varying): Promise<AskedVariant> {
  const { loaded, writer, fresh, ...watched } = o;
  if (name !== "paraphrase") {
    const change = await itemChange(loaded.task, name);
    checkVaried(loaded, name, change);
    return { name, change, ...(isCounterfactual(name) ? { wordings: counterfactualDigest } : {}) };
  }
  const answers = fresh || !writer ? rememberedAnswers() : keptAnswers(writer.store.workFolder("answers"), writer.model);
  const made = await paraphrasesOf({ loaded, writer: writer?.model, answers, ...watched });
  return {
    name,
    change: wordingChange(made),
    wordings: made.digest,
    paraphrases: { ...made, ...(writer ? { writer: writer.model.id } : {}) },
  };
}
