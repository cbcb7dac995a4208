/** Limits as people write them: what is measured, for whom a bucket each, how much in which time, and what happens when the store is lost. */
import { z } from "zod";
import { durationMs } from "./durations.ts";
import { measures } from "./measures.ts";

/** A bucket each of these; with several, a bucket for each combination. `user` is the subject: a user or a service account. */
export const dimensions = ["key", "user", "team", "organisation", "model", "ip"] as const;
export type Dimension = (typeof dimensions)[number];
/** Calendar periods, by UTC; `total` never ends. */
export const periods = ["day", "month", "total"] as const;
export type Period = (typeof periods)[number];

const names = z.array(z.string().min(1)).min(1);

const rule = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a name of small letters, digits and -"),
    measure: z.enum(measures),
    /** One bucket for everybody when empty. */
    per: z.array(z.enum(dimensions)).default([]),
    /** Of `ip`: an IPv6 network of so many bits is one client. */
    ipv6Prefix: z.int().min(1).max(128).optional(),
    /** Requests, tokens or bytes; for cost in the currency's unit. */
    limit: z.number().positive().max(1e12),
    /** A sliding window; not with `period`. */
    window: durationMs.optional(),
    /** A calendar period, for budgets; not with `window`. */
    period: z.enum(periods).optional(),
    /** How much may come at once after a rest; all of the limit when absent. */
    burst: z.number().positive().max(1e12).optional(),
    /** Only these; each key an "and", each list an "or". A name may end in `*`. */
    for: z
      .strictObject({
        models: names.optional(),
        keys: names.optional(),
        users: names.optional(),
        teams: names.optional(),
        organisations: names.optional(),
        roles: names.optional(),
      })
      .default({}),
    /** `shadow`: counted and reported, never denied. */
    mode: z.enum(["enforce", "shadow"]).default("enforce"),
    /** A warning goes out above this share. */
    warnAt: z.number().gt(0).lt(1).optional(),
    /** What becomes of requests while the store does not answer. */
    onStoreLoss: z.enum(["open", "closed"]).default("closed"),
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
  });

export const limitsPart = z
  .array(rule)
  .max(1_000)
  .default([])
  .superRefine((rules, context) => {
    const seen = new Set<string>();
    rules.forEach((r, i) => {
      if (seen.has(r.name)) context.addIssue({ code: "custom", path: [i, "name"], message: "a name that no other limit has" });
      seen.add(r.name);
    });
  });
export type LimitRule = z.output<typeof rule>;
