/** `loam tune`: fine-tuning, searches and what came of them, jobs. */
import type { Verb } from "../verb.ts";
import { launch, meshOption, project } from "./common-options.ts";

export const tuneVerbs: readonly Verb[] = [
  {
    usage: "tune [model]",
    summary:
      "Fine-tune a model of loam.yaml that has a base (default: every one); classifiers are reported beside baselines, regression beside the mean",
    options: [
      project,
      meshOption("data=2"),
      ["--zero <level>", "ZeRO level: 1 divides the optimiser state among the ranks, 2 the gradients too (default: the recipe's, else 0)"],
      ...launch,
      ["--force", "tune again even where nothing changed"],
      ["--folds <n>", "score the recipe by n-fold cross-validation on the train side (default: the model's `crossValidation`)"],
      ["--repeats <n>", "draw the folds this many times"],
      ["--seeds <n>", "train this many times per fold, each with another seed"],
    ],
    isForRuns: true,
    example: "loam tune mail-spam --folds 5 --seeds 3",
    load: async () => (await import("../verbs/run.ts")).tune,
  },
  {
    usage: "tune search [name]",
    summary: "Run a hyperparameter search of loam.yaml; evaluate the best trial once on the test set",
    options: [
      project,
      ["--trials <n>", "trials in all, those made before included (default: the search's)"],
      ["--workers <n>", "worker processes (default: the search's `parallel`); 0 for none but this one"],
      ...launch,
      ["--write", "put the winner's values into loam.yaml if it is significantly better than the default; comments stay"],
      ["--anyway", "with --write: also where it is not significantly better"],
      ["--worker <study>", "take part in this study as a worker of another process"],
    ],
    isForRuns: true,
    example: "loam tune search mail-rate --trials 20 --workers 2",
    load: async () => (await import("../verbs/tune-search.ts")).tuneSearch,
  },
  {
    usage: "tune preview <what>",
    summary:
      "Which tokens a model would be trained on, and what cannot be: of a file's examples, or of those of a tuned model of loam.yaml",
    options: [
      project,
      ["-m, --model <model>", "the model whose template and tokenizer are used: a name, a version or a path"],
      ["--format <format>", "openai, sharegpt, alpaca, rated, preference, completion or table (default: told by the first record)"],
      ["--columns <pair...>", "role=field, such as user=question; once for each role"],
      ["--length <n>", "most tokens of an example (default: 512)"],
      ["--long <what>", "of longer ones: refuse, skip or cut (default: refuse)"],
      ["--answers <which>", "of a conversation: all or last (default: all)"],
      ["-n, --number <n>", "examples shown (default: 3; on a page 20)"],
      ["--line <n>", "only the example of this line"],
      ["--page <file>", "write it as a page: every token by itself, what is trained in colour, and what cannot be"],
    ],
    example: "loam tune preview chats.jsonl --model smollm2",
    load: async () => (await import("../verbs/tune-preview.ts")).tunePreview,
  },
  {
    usage: "tune jobs [action] [id]",
    summary: "List the fine-tuning jobs of a project's server, or show, cancel, pause, resume one",
    options: [
      project,
      ["--server <url>", "the server that runs them (default: where loam.yaml says)"],
      ["--only <work>", "for the server's own use, with the action work: check or train"],
    ],
    example: "loam tune jobs pause ftjob-5f0c2a9e41b7d8036a1c9e25",
    load: async () => (await import("../verbs/tune-jobs.ts")).tuneJobs,
  },
  {
    usage: "tune studies",
    summary: "List the hyperparameter studies: trials, best trial",
    options: [project],
    example: "loam tune studies",
    load: async () => (await import("../verbs/tune-studies.ts")).tuneStudies,
  },
  {
    usage: "tune show [study]",
    summary:
      "What a study tried and what came of it: trials, best or Pareto front, importance of parameters, verdict (default: the newest)",
    options: [project, ["--page <file>", "write it as a page: history, slices, parallel coordinates, importance"]],
    example: "loam tune show mail-rate --page study.html",
    load: async () => (await import("../verbs/tune-studies.ts")).tuneShow,
  },
  {
    usage: "tune select [models...]",
    summary:
      "Compare base models on your own texts: size, memory, speed, bits per byte (for a classifier: F1) before and after a few steps; recommend one",
    options: [
      project,
      ["--on <name>", "the data set whose held-out texts judge (default: the only one)"],
      ["--for <model>", "a classifier of loam.yaml: rank encoders and decoders by classification quality on the validation texts"],
      ["--documents <n>", "texts to judge by (default: 32; with --for, 200)"],
      ["--steps <n>", "steps of training on the data set (with --for, of the classifier's recipe) before they are judged again", "0"],
      ["--rate <rate>", "the rate of those steps (with --for, the recipe's own)", "1e-4"],
      ["--slots <n>", "answers written at once, for the speed", "4"],
    ],
    example: "loam tune select smollm2 mail-small --on mail --steps 10",
    load: async () => (await import("../verbs/tune-select.ts")).tuneSelect,
  },
];
