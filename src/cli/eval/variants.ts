/** Which variants of the items an evaluation asks, and what each asks instead: known for all tasks before anybody is asked about one. */
import { join } from "node:path";
import type { Progress } from "../../base/index.ts";
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
  variantNames,
  wordingChange,
} from "../../evaluate/index.ts";
import type { Store } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { choiceOption } from "../options.ts";
import type { Options } from "../verb.ts";
import type { Variation } from "./record.ts";

/** A variant of one task's items. */
export interface AskedVariant extends Variation {
  /** Of `paraphrase`: the other words, and who wrote those that the items do not bring along. */
  readonly paraphrases?: Paraphrases & { readonly writer?: string };
}

/** `--variants`, in the order given, each once. Errors: cli/usage. */
export function variantsOf(words: readonly string[], options: Options): VariantName[] {
  const names = words
    .flatMap(v => v.split(","))
    .map(v => v.trim())
    .filter(Boolean)
    .map(word => choiceOption({ variants: word }, "variants", "eval", variantNames)!);
  if (options.paraphraser !== undefined && !names.includes("paraphrase"))
    throw cliErrors.fail("usage", {
      place: "loam eval --paraphraser",
      expected: "--variants paraphrase, which it writes",
      received: names.join(",") || "none",
    });
  return [...new Set(names)];
}

export interface Varying {
  readonly loaded: LoadedTask;
  /** Writes paraphrases, and keeps what it wrote in its store. */
  readonly writer?: { readonly model: EvaluatedModel; readonly store: Store } | undefined;
  /** Writes again what is kept. */
  readonly fresh: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** What a variant of a task asks. Errors: those of the task and, for paraphrases, of the writer; the signal's reason. */
export async function askedVariant(name: VariantName, o: Varying): Promise<AskedVariant> {
  const { loaded, writer, fresh, ...watched } = o;
  if (name !== "paraphrase") {
    const change = await itemChange(loaded.task, name);
    checkVaried(loaded, name, change);
    return { name, change };
  }
  const answers = fresh || !writer ? rememberedAnswers() : keptAnswers(join(writer.store.root, ".loam", "answers"), writer.model);
  const made = await paraphrasesOf({ loaded, writer: writer?.model, answers, ...watched });
  return {
    name,
    change: wordingChange(made),
    wordings: made.digest,
    paraphrases: { ...made, ...(writer ? { writer: writer.model.id } : {}) },
  };
}
