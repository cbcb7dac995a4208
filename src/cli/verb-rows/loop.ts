/** Models that are trained again by themselves. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const loopVerbs: readonly Verb[] = [
  {
    usage: "loop [action] [model] [other]",
    summary:
      "Retrain, prove, promote and roll back by a policy (`loop:` in loam.yaml): status, run, pause, resume, rollback; or compare two versions on live traffic: compare NAME@1 NAME@2",
    options: [
      project,
      ["--dry-run", "run: look at the signals and change nothing; compare: only tell the power of the test"],
      ["--force", "run: begin a round without a signal"],
      ["--follow", "run: keep on until it is stopped, as `loam serve` does"],
      ["--server <url>", "the model server that is directed (default: `server` of the loop, else where loam.yaml says)"],
      ["--reason <text>", "pause, rollback: why; it is kept"],
      ["--as <name>", "who does it (default: the user of this machine)"],
      ["--share <percent>", "compare: users who get the second version (default: 50)"],
      ["--metric <names>", "compare: errors, latency, quality, separated by commas (default: errors,latency)"],
      ["--margin <share>", "compare: accepted rise of errors and of wrong classes (default: 0.02)"],
      ["--latency <factor>", "compare: accepted factor of the 99th percentile (default: 1.5)"],
      ["--alpha <level>", "compare: level of the test over all metrics and looks (default: 0.05)"],
      ["--requests <n>", "compare: most requests of both versions; then the test is undecided (default: 10000)"],
      ["--only <work>", "for the loop's own use, with the action work: assemble, train or judge"],
    ],
    example: "loam loop run mail-spam --dry-run",
    load: async () => (await import("../verbs/loop.ts")).loopVerb,
  },
];
