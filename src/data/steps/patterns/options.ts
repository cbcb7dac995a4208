/** Options of the step `patterns` in `loam.yaml`. */

import { z } from "zod";
import { patternRefusal } from "./re2.ts";

export const patternRule = z.lazy(() =>
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "small letters, digits and hyphens")
        .describe("Name of the rule in the ledger."),
      pattern: z.string().min(1).describe("Regular expression in RE2 syntax."),
      flags: z
        .string()
        .regex(/^(?!.*(.).*\1)[ims]*$/, "each of i, m and s once")
        .default("")
        .describe("`i`: ignore case; `m`: multiline; `s`: dot matches newlines."),
      action: z
        .enum(["drop", "keep-only", "cut", "mask"])
        .describe("`drop` documents that match, keep only those (`keep-only`), `cut` the matches, or `mask` them."),
      with: z.string().optional().describe("Replacement of masked text. Default: the rule's name in brackets."),
      minMatches: z
        .number()
        .int()
        .min(1)
        .nullable()
        .default(1)
        .describe("Minimum matches for the rule to apply. null: only `maxShare` counts."),
      maxShare: z.number().min(0).max(1).nullable().default(null).describe("`drop`: maximum fraction of characters in matches."),
    })
    .superRefine((r, context) => {
      const no = (path: keyof typeof r, message: string) => context.addIssue({ code: "custom", path: [path], message });
      const why = patternRefusal(r.pattern);
      if (why !== undefined) no("pattern", `a pattern in RE2's syntax (${why})`);
      if (r.with !== undefined && r.action !== "mask") no("with", "only where the action is mask");
      if (r.maxShare !== null && r.action !== "drop") no("maxShare", "only where the action is drop");
      if (r.minMatches === null && r.maxShare === null) no("minMatches", "a number, where there is no maxShare");
    }),
);

export const patternsOptions = z.lazy(() =>
  z.strictObject({
    rules: z
      .array(patternRule)
      .min(1)
      .refine(rules => new Set(rules.map(r => r.name)).size === rules.length, { message: "names that differ" })
      .describe("Rules, in order: first those that drop or keep documents, then those that edit."),
  }),
);
