/** Limits as people write them: what is measured, for whom a bucket each, how much in which time, and what happens when the store is lost. */
import { z } from "zod";
import { durationMs, durationText } from "./durations.ts";
import { measures } from "./measures.ts";

/** A bucket each of these; with several, a bucket for each combination. `user` is the subject: a user or a service account. */
export const dimensions = ["key", "user", "team", "organisation", "model", "ip"] as const;
export type Dimension = (typeof dimensions)[number];
/** Calendar periods, by UTC; `total` never ends. */
const periods = ["day", "month", "total"] as const;
export type Period = (typeof periods)[number];

const names = z.array(z.string().min(1)).min(1);

export const limitRule = z.lazy(() =>
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a name of small letters, digits and -")
        .describe("Name of the limit."),
      measure: z.enum(measures).describe("What is counted."),
      per: z.array(z.enum(dimensions)).default([]).describe("One bucket per combination of these. Default: one bucket for all."),
      ipv6Prefix: z.int().min(1).max(128).optional().describe("Prefix length that groups IPv6 clients."),
      limit: z.number().positive().max(1e12).describe("Limit: requests, tokens, bytes, or cost in the currency."),
      window: durationMs.optional().meta({ description: "Sliding window.", examples: ["1m"] }),
      period: z.enum(periods).optional().describe("Calendar period (UTC), for budgets."),
      burst: z.number().positive().max(1e12).optional().describe("Maximum burst. Default: the limit."),
      for: z
        .strictObject({
          models: names.optional().describe("Models."),
          keys: names.optional().describe("API keys."),
          users: names.optional().describe("Users and service accounts."),
          teams: names.optional().describe("Teams."),
          organisations: names.optional().describe("Organisations."),
          roles: names.optional().describe("Roles."),
        })
        .default({})
        .describe("Requests the limit applies to. All keys must match."),
      mode: z.enum(["enforce", "shadow"]).default("enforce").describe("`shadow`: count and report, never deny."),
      warnAt: z.number().gt(0).lt(1).optional().describe("Fraction of the limit that triggers a warning."),
      onStoreLoss: z.enum(["open", "closed"]).default("closed").describe("If the store is unavailable: deny (`closed`) or allow (`open`)."),
    })
    .superRefine((r, context) => {
      const bad = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
      if (r.measure === "concurrency") {
        if (r.window !== undefined || r.period !== undefined)
          bad(r.window === undefined ? "period" : "window", "no window or period: concurrency is counted now");
        if (r.burst !== undefined) bad("burst", "no burst: concurrency is counted now");
      } else if ((r.window === undefined) === (r.period === undefined))
        bad("window", 'either window (such as "1m") or period (day, month, total)');
      if (r.ipv6Prefix !== undefined && !r.per.includes("ip")) bad("ipv6Prefix", "`ip` under per, whose networks it is about");
      if (r.period !== undefined && r.burst !== undefined) bad("burst", "no burst with a period: all of it may come at once");
      if (r.measure !== "cost" && !Number.isInteger(r.limit)) bad("limit", "a whole number");
    }),
);

export const mostLimits = 1_000;

export const limitsPart = z.lazy(() =>
  z
    .array(limitRule)
    .max(mostLimits)
    .default([])
    .superRefine((rules, context) => {
      const seen = new Set<string>();
      rules.forEach((r, i) => {
        if (seen.has(r.name)) context.addIssue({ code: "custom", path: [i, "name"], message: "a name that no other limit has" });
        seen.add(r.name);
      });
    }),
);
export type LimitRule = z.output<typeof limitRule>;

/** A limit as configuration has it. */
export const writtenLimit = ({ window, ...rest }: LimitRule) => ({
  ...rest,
  ...(window === undefined ? {} : { window: durationText(window) }),
});
