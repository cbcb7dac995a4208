/** `loam watch`: what monitors know of the models that are served. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const watchVerbs: readonly Verb[] = [
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
