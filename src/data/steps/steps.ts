/** The steps by name and how `loam.yaml` writes them: `clean`, or `{ length: { minWords: 3 } }`. Adding a step is a folder and a row. */

import type { z } from "zod";
import { clean } from "./clean/clean.ts";
import { decontaminate } from "./decontaminate/decontaminate.ts";
import { deduplicate } from "./deduplicate/deduplicate.ts";
import { c4 } from "./heuristics/c4/c4.ts";
import { fineweb } from "./heuristics/fineweb/fineweb.ts";
import { gopherQuality } from "./heuristics/gopher/quality.ts";
import { gopherRepetition } from "./heuristics/gopher/repetition.ts";
import { language } from "./language/language.ts";
import { length } from "./length/length.ts";
import { licence } from "./licence/licence.ts";
import { patternsStep } from "./patterns/patterns.ts";
import { perplexity } from "./perplexity/perplexity.ts";
import { plain } from "./plain/plain.ts";
import { privateData } from "./private/private.ts";
import { quality } from "./quality/quality.ts";
import { repeats } from "./repeats/repeats.ts";
import { semanticDuplicates } from "./semantic/semantic.ts";
import type { DataStep } from "./step.ts";
import type { StepName, stepEntry } from "./step-entry.ts";
import { substrings } from "./substrings/substrings.ts";
import { toxicity } from "./toxicity/toxicity.ts";
import { urls } from "./urls/urls.ts";

export const steps = {
  clean,
  length,
  deduplicate,
  repeats,
  substrings,
  "semantic-duplicates": semanticDuplicates,
  private: privateData,
  decontaminate,
  "gopher-quality": gopherQuality,
  "gopher-repetition": gopherRepetition,
  c4,
  fineweb,
  language,
  patterns: patternsStep,
  urls,
  licence,
  toxicity,
  perplexity,
  plain,
  quality,
} as const satisfies Record<StepName, DataStep>;

/** A step with its options complete, and the version that makes a cached result stale when the step changes. */
export interface ChosenStep {
  readonly step: StepName;
  readonly version: number;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What an entry stands for. */
export function chooseStep(entry: z.output<typeof stepEntry>): ChosenStep {
  const [name, given] = typeof entry === "string" ? [entry, {}] : (Object.entries(entry)[0] as [StepName, object]);
  return { step: name, version: steps[name].version, options: steps[name].options.parse(given) };
}
