/** All verbs, in the order in which a user meets them. A new verb is a row here and a file in verbs/. */
import type { Verb } from "./verb.ts";

const project: Verb["options"][number] = [
  "-C, --project <folder>",
  "the project's folder (default: here or the nearest above with loam.yaml)",
];

/** What the first words of verbs of two words stand for. */
export const groups: Readonly<Record<string, string>> = {
  data: "Curate data: run it, see what happened to every document and why, try other thresholds",
};

export const verbs: readonly Verb[] = [
  {
    usage: "init <name>",
    summary: "Write a new project: loam.yaml, a sample of text, package.json, .gitignore",
    options: [],
    example: "loam init letters",
    load: async () => (await import("./verbs/init.ts")).init,
  },
  {
    usage: "run [stage]",
    summary: "Run what is stale, up to a stage (source, data, tokenizer, shards, train, baselines, evaluate)",
    options: [
      project,
      ["-m, --model <name>", "the model whose life is run (default: the served one)"],
      ["--dry-run", "say what would run, with an estimate of time and disk, and run nothing"],
      ["--force", "run even what is not stale"],
    ],
    example: "loam run --dry-run",
    load: async () => (await import("./verbs/run.ts")).run,
  },
  {
    usage: "train [model]",
    summary: "Run everything a model needs, train it, and evaluate it",
    options: [project, ["--force", "train again even where nothing changed"]],
    example: "loam train mail-small",
    load: async () => (await import("./verbs/run.ts")).train,
  },
  {
    usage: "data run [name]",
    summary: "Curate a data set of loam.yaml (or all): read, steps, split; only what is stale",
    options: [project, ["--force", "run even what is not stale"]],
    example: "loam data run mail",
    load: async () => (await import("./verbs/data-run.ts")).dataRun,
  },
  {
    usage: "data report [name]",
    summary: "What curation did: funnel, values beside their thresholds, reasons, copies, sources, examples",
    options: [
      project,
      ["--examples <n>", "examples of each rule", "3"],
      ["--clusters <n>", "clusters of copies, the largest", "5"],
      ["--rule <rule>", "only rules whose step/rule holds this"],
    ],
    example: "loam data report mail",
    load: async () => (await import("./verbs/data-report.ts")).dataReportVerb,
  },
  {
    usage: "data explain <document>",
    summary: "A document's whole story: steps, values, thresholds, edits, copies, side, tokens, models",
    options: [project, ["--text", "show its text too, as the last step left it"]],
    example: "loam data explain mail:spam-1/00032",
    load: async () => (await import("./verbs/data-explain.ts")).dataExplain,
  },
  {
    usage: "data try [name]",
    summary: "What other thresholds of a step would keep and drop, from the stored values, without a new pass",
    options: [
      project,
      ["--step <step>", "the step whose options are tried"],
      ["--set <assignments...>", "option=value; may be given several times"],
      ["-n, --examples <n>", "examples of each kind", "5"],
    ],
    example: "loam data try mail --step length --set minWords=20",
    load: async () => (await import("./verbs/data-try.ts")).dataTry,
  },
  {
    usage: "data drops [name]",
    summary: "List dropped documents, or print one; `keep: [id]` in loam.yaml brings it back",
    options: [
      project,
      ["--rule <rule>", "only those whose step/rule holds this"],
      ["-n, --number <n>", "how many", "20"],
      ["--show <document>", "print one whole"],
    ],
    example: "loam data drops mail --rule near-duplicate -n 5",
    load: async () => (await import("./verbs/data-drops.ts")).dataDrops,
  },
  {
    usage: "models",
    summary: "List versions with their scores",
    options: [project],
    example: "loam models --json",
    load: async () => (await import("./verbs/models.ts")).models,
  },
  {
    usage: "serve [model]",
    summary: "Serve a model over HTTP: OpenAI's API under /v1, the console at /",
    options: [
      project,
      ["-p, --port <port>", "port to listen on (default: serve.port of loam.yaml, else 8080; 0 picks a free one)"],
      ["--host <host>", "address to listen on (default: 127.0.0.1)"],
      ["--open", "open the console in a browser"],
    ],
    example: "loam serve mail-small@latest --port 8080",
    load: async () => (await import("./verbs/serve.ts")).serve,
  },
  {
    usage: "chat [model]",
    summary: "Talk to a model in the terminal, or complete one prompt",
    options: [
      project,
      ["--prompt <text>", "complete this text and end"],
      ["--complete", "plain completion instead of chat turns"],
      ["-t, --temperature <number>", "0 is greedy", "0.8"],
      ["--top-p <number>", "smallest set of tokens with this probability", "0.95"],
      ["-n, --max-tokens <number>", "most tokens of an answer", "200"],
      ["--seed <number>", "same seed, same answer", "1"],
    ],
    example: 'loam chat --complete --prompt "Subject: "',
    load: async () => (await import("./verbs/chat.ts")).chat,
  },
  {
    usage: "trace [id]",
    summary: "What something was made from, and what was made from it: an artifact, a version, a document",
    options: [
      project,
      ["--verify", "prove the record: every row, entry and file against its hash"],
      ["--documents <n>", "list up to n documents behind it", "5"],
    ],
    example: "loam trace mail-small@latest",
    load: async () => (await import("./verbs/trace.ts")).trace,
  },
  {
    usage: "gc",
    summary: "Show what nothing needs; with --apply remove it",
    options: [project, ["--dry-run", "only show (the default)"], ["--apply", "remove it"]],
    example: "loam gc --dry-run",
    load: async () => (await import("./verbs/gc.ts")).gc,
  },
  {
    usage: "doctor",
    summary: "What this machine has: cores, vector units, devices, memory, disk; what is missing and how to get it",
    options: [project],
    example: "loam doctor",
    load: async () => (await import("./verbs/doctor.ts")).doctor,
  },
];
