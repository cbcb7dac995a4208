/** Policies as people write them: whom they concern, what, within which bounds and when. Deny goes before allow; what nothing allows is denied. */
import { z } from "zod";
import { endpoints } from "../endpoints.ts";
import { isTimezone, weekdays } from "./hours.ts";
import { addressParameters, bodyParameters, listParameters, wordParameters } from "./parameters.ts";

/** A name, or the beginning of one with `*` at its end; nothing else is special, and no letter is taken for a similar one. */
const pattern = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^*]*\*?$/, 'a name, or its beginning and "*"');
const patterns = z.array(pattern).min(1).max(1_000);
const names = z.array(z.string().min(1).max(256)).min(1).max(1_000);
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as "08:00"');

export const bound = z
  .strictObject({
    min: z.number().optional(),
    max: z.number().optional(),
    oneOf: z
      .array(z.union([z.string(), z.number(), z.boolean()]))
      .min(1)
      .optional(),
    /** What leaves the parameter out is within too. */
    orAbsent: z.boolean().optional(),
  })
  .refine(b => b.min !== undefined || b.max !== undefined || b.oneOf !== undefined, "min, max or oneOf");

/** Only names that reach policies: a bound on another would never strike. */
const bounds = z.strictObject(
  Object.fromEntries(
    [...bodyParameters, ...listParameters, ...wordParameters, ...addressParameters].map(name => [name, bound.exactOptional()]),
  ),
);

/** Keys of `who`, each an "and", each list an "or"; empty: everybody who is authenticated. */
export const whoKinds = ["keys", "subjects", "teams", "organisations", "roles"] as const;
export type WhoKind = (typeof whoKinds)[number];

export const policyPart = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,126}$/, "an id of small letters, digits, . _ -"),
  effect: z.enum(["allow", "deny"]),
  who: z
    .strictObject({
      keys: names.optional(),
      subjects: names.optional(),
      teams: names.optional(),
      organisations: names.optional(),
      roles: names.optional(),
    })
    .default({}),
  /** All when absent. */
  endpoints: z.array(z.enum(endpoints)).min(1).optional(),
  /** All when absent; an action without a model fits none that is named. */
  models: patterns.optional(),
  labels: names.optional(),
  dataClasses: names.optional(),
  /** Of the request's body. An allow holds only within them; a deny strikes only what is within them. What is absent is within no bound. */
  parameters: bounds.optional(),
  when: z
    .strictObject({
      days: z.array(z.enum(weekdays)).min(1).optional(),
      /** Both or neither; with `from` after `to` the night between. */
      from: timeOfDay.optional(),
      to: timeOfDay.optional(),
      timezone: z.string().refine(isTimezone, 'a time zone such as "Europe/Berlin"').default("UTC"),
      notBefore: z.iso.datetime({ offset: true }).optional(),
      notAfter: z.iso.datetime({ offset: true }).optional(),
    })
    .refine(w => (w.from === undefined) === (w.to === undefined), "from and to, or neither")
    .optional(),
  /** Told to whoever is denied. */
  reason: z.string().max(300).optional(),
});
export type Policy = z.output<typeof policyPart>;
export type Bound = z.output<typeof bound>;

/** More are a mistake of a program: each change reads them all. */
export const mostPolicies = 100_000;

export const policiesPart = z
  .array(policyPart)
  .max(mostPolicies)
  .default([])
  .superRefine((all, context) => {
    const seen = new Set<string>();
    all.forEach((p, i) => {
      if (seen.has(p.id)) context.addIssue({ code: "custom", path: [i, "id"], message: "an id that no other policy has" });
      seen.add(p.id);
    });
  });
