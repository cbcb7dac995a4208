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
    usage: "watch samples [model]",
    summary: "Redacted examples of requests and responses, the newest first; kept only where watch.samples in loam.yaml asks for them",
    options: [project, ["--alarm <id>", "examples of an alarm's version while it lasted"], ["--limit <n>", "examples to show", "20"]],
    example: "loam watch samples --alarm alarm_5d0c8d4f1b7e9a3c2f60",
    load: async () => (await import("../verbs/watch-samples.ts")).watchSamples,
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
    summary:
      "Delete what is remembered of an owner's requests, their labels, examples, and hours of traffic that hold them: user:NAME, team:NAME",
    options: [project],
    example: "loam watch forget user:ann",
    load: async () => (await import("../verbs/watch-quality.ts")).watchForget,
  },
  {
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
      ["--least <n>", "least texts of each side for a verdict of drift", "5"],
      ["--least-change <share>", "least share of the texts that moved, for a verdict of drift", "0.02"],
      ["--hours <n>", "of a model's traffic, the last n hours (default: all that are kept, 90 days)"],
      ["--field <name>", "of a file of JSON lines, the member with the text", "text"],
      ["--label <name>", "of a file of JSON lines, the member with the label", "label"],
    ],
    example: "loam watch drift new-mails.jsonl --against mail-small@latest",
    load: async () => (await import("../verbs/watch-drift.ts")).watchDriftVerb,
  },
  {
    usage: "watch dashboards",
    summary: "Write Grafana dashboards, Prometheus recording and alert rules with their tests, and example configurations into a folder",
    options: [
      ["--to <folder>", "folder to write to; files of the same names are replaced"],
      ["--job <regex>", "regular expression of the Prometheus jobs that scrape servers and gateways", "loam.*"],
      ["--objective <share>", "availability objective of the burn-rate alerts", "0.999"],
    ],
    example: "loam watch dashboards --to monitoring",
    load: async () => (await import("../verbs/watch-dashboards.ts")).watchDashboards,
  },
];
