/** `loam runs`: what was run, with notes and tags. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const runsVerbs: readonly Verb[] = [
  {
    usage: "runs",
    summary: "List runs (training, tuning, search trials, jobs, evaluations, data) with options, results and cost: filter, sort, group",
    options: [
      project,
      [
        "--filter <filter>",
        'comparisons of columns: "loss < 2 and model = mail-small", "kind = trial and not state = failed", "started > 2026-11-01"',
      ],
      ["--search <words>", "words that a run must have anywhere, notes and tags too"],
      ["--sort <column>", "column; with - before it descending", "-started"],
      ["--group <column>", "per value of a column: runs, and mean, least and greatest of their numbers"],
      ["--columns <columns>", "columns shown, with commas (default: name, kind, state, started, duration, loss, cost)"],
      ["-n, --number <n>", "runs shown", "20"],
      ["--csv <file>", "write all runs that match as CSV, every column"],
    ],
    example: 'loam runs --filter "kind = training and loss < 2" --sort loss',
    load: async () => (await import("../verbs/runs.ts")).runsList,
  },
  {
    usage: "runs note <run> <text>",
    summary: "Write the note of a run; an empty text removes it",
    options: [project, ["--as <name>", "who writes (default: the user of this machine)"]],
    example: 'loam runs note 4949c986f20fce4e "the baseline of the paper"',
    load: async () => (await import("../verbs/runs.ts")).runsNote,
  },
  {
    usage: "runs tag <run> <tag>",
    summary: "Tag a run",
    options: [project, ["--remove", "remove the tag"], ["--as <name>", "who writes (default: the user of this machine)"]],
    example: "loam runs tag 4949c986f20fce4e baseline",
    load: async () => (await import("../verbs/runs.ts")).runsTag,
  },
];
