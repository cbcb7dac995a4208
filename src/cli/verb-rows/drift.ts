/** `loam watch drift`. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const driftVerb: Verb = {
  usage: "watch drift [names...]",
  summary:
    "Compare a model's traffic, a data set or a file of new texts with what a model was trained on (or with --against): what moved, by how much, since when",
  options: [
    project,
    ["--against <name>", "the reference: a data set, a model version or an artifact (default: what the model was trained on)"],
    ["--features <names>", "compare these features only, separated by commas"],
    ["--alpha <p>", "chance of any false alarm", "0.05"],
    ["--detect <distance>", "least change worth finding, 0 to 1: decides how many texts are enough", "0.2"],
    ["--power <p>", "chance of finding it", "0.8"],
    ["--hours <n>", "of a model's traffic, the last n hours (default: all that are kept, 90 days)"],
    ["--field <name>", "of a file of JSON lines, the member with the text", "text"],
    ["--label <name>", "of a file of JSON lines, the member with the label", "label"],
  ],
  example: "loam watch drift new-mails.jsonl --against mail-small@latest",
  load: async () => (await import("../verbs/watch-drift.ts")).watchDriftVerb,
};
