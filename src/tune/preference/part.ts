/** `tune:` of a model with `task: preference`. */
import { z } from "zod";
import { checkFiles, ofFiles } from "../instruct/of-files.ts";
import { kindPart } from "../kind/kind-part.ts";
import { examplesOn } from "../names.ts";
import { preferenceOptions } from "./options.ts";

const preferencePart = preferenceOptions.extend({
  task: z.literal("preference").describe("Task: preference optimisation."),
  on: examplesOn.meta({ description: "File of examples, relative to the project, or a data set.", examples: ["data/preferences.jsonl"] }),
  ...ofFiles,
});
export type PreferencePart = z.output<typeof preferencePart>;

export const preferenceRow = kindPart<PreferencePart, typeof preferencePart>({
  part: preferencePart,
  losses: { "tune-preference": "per pair", "tune-ratings": "per response" },
  reads: "either",
  tellsWrong: true,
  inTokens: true,
  check: checkFiles,
});
