/** `tune:` of a model with `task: instruct`. */
import { z } from "zod";
import { kindPart } from "../kind/kind-part.ts";
import { examplesOn } from "../names.ts";
import { checkFiles, ofFiles } from "./of-files.ts";
import { instructOptions } from "./options.ts";

const instructPart = instructOptions.extend({
  task: z.literal("instruct").describe("Task: instruction tuning."),
  on: examplesOn.meta({ description: "File of examples, relative to the project, or a data set.", examples: ["data/chats.jsonl"] }),
  ...ofFiles,
});
export type InstructPart = z.output<typeof instructPart>;

export const instructRow = kindPart<InstructPart, typeof instructPart>({
  part: instructPart,
  loopReads: () => ({ says: "text" }),
  reads: "either",
  inTokens: true,
  check: checkFiles,
});
