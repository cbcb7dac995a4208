/** `loam watch`: what monitors know of the models that are served. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const watchVerbs: readonly Verb[] = [
  {
    usage: "watch status [model]",
    summary: "Figures of the last hour by version, active alarms, service level objectives with their error budgets",
    options: [project],
    example: "loam watch status mail",
    load: async () => (await import("../verbs/watch-status.ts")).watchStatusVerb,
  },
  {
    usage: "watch alarms",
    summary: "List alarms, the newest first",
    options: [project, ["--active", "only those that are active"]],
    example: "loam watch alarms --active",
    load: async () => (await import("../verbs/watch-status.ts")).watchAlarms,
  },
  {
    usage: "watch history <metric>",
    summary: "A figure over time: latency-p95, errors, nll, refusal, ...",
    options: [
      project,
      ["--model <model>", "a model, or a version (default: all together)"],
      ["--step <step>", "1m (kept for 2 days), 15m (2 weeks) or 6h (2 years)", "15m"],
      ["--days <n>", "days to look at, until now (default: all that is kept)"],
    ],
    example: "loam watch history latency-p95 --model mail --step 1m",
    load: async () => (await import("../verbs/watch-status.ts")).watchHistoryVerb,
  },
  {
    usage: "watch quality [model]",
    summary: "Quality on served traffic by version: of labelled requests with 95 % intervals, and estimated without labels",
    options: [project, ["--days <n>", "days to look at, until today", "30"], ["--by-day", "each day apart"]],
    example: "loam watch quality spam",
    load: async () => (await import("../verbs/watch-quality.ts")).watchQuality,
  },
  {
    usage: "watch forget <owner>",
    summary: "Delete what is remembered of an owner's requests, and their labels: user:NAME, team:NAME",
    options: [project],
    example: "loam watch forget user:ann",
    load: async () => (await import("../verbs/watch-quality.ts")).watchForget,
  },
];
