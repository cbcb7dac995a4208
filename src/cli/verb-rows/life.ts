/** The verbs of a project as a whole: begin one, run what is stale, train. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const lifeVerbs: readonly Verb[] = [
  {
    usage: "init <name>",
    summary: "Write a new project: loam.yaml, a sample of text, package.json, .gitignore",
    options: [],
    example: "loam init letters",
    load: async () => (await import("../verbs/init.ts")).init,
  },
  {
    usage: "run [stage]",
    summary: "Run what is stale, up to a stage (source, data, tokenizer, shards, train, tune, baselines, evaluate, cross-validate)",
    options: [
      project,
      ["-m, --model <name>", "the model whose life is run (default: those that are served)"],
      ["--dry-run", "say what would run, with an estimate of time and disk, and run nothing"],
      ["--force", "run even what is not stale"],
    ],
    example: "loam run --dry-run",
    load: async () => (await import("../verbs/run.ts")).run,
  },
  {
    usage: "train [model]",
    summary: "Run everything a model needs, train it, and evaluate it",
    options: [project, ["--force", "train again even where nothing changed"]],
    example: "loam train mail-small",
    load: async () => (await import("../verbs/run.ts")).train,
  },
];
