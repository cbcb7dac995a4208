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

export const bound = z.lazy(() =>
  z
    .strictObject({
      min: z.number().optional().describe("Minimum."),
      max: z.number().optional().describe("Maximum."),
      oneOf: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1)
        .optional()
        .describe("Allowed values."),
      orAbsent: z.boolean().optional().describe("Also allow requests without the parameter."),
    })
    .refine(b => b.min !== undefined || b.max !== undefined || b.oneOf !== undefined, "min, max or oneOf"),
);

/** Only names that reach policies: a bound on another would never strike. */
const bounds = z.lazy(() =>
  z.strictObject(
    Object.fromEntries(
      [...bodyParameters, ...listParameters, ...wordParameters, ...addressParameters].map(name => [
        name,
        bound.exactOptional().describe(`Bounds on ${name}.`),
      ]),
    ),
  ),
);

/** Keys of `who`, each an "and", each list an "or"; empty: everybody who is authenticated. */
export const whoKinds = ["keys", "subjects", "teams", "organisations", "roles"] as const;
export type WhoKind = (typeof whoKinds)[number];

export const policyPart = z.lazy(() =>
  z.strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,126}$/, "an id of small letters, digits, . _ -")
      .describe("Policy id."),
    effect: z.enum(["allow", "deny"]).describe("Allow or deny. Deny takes precedence."),
    who: z
      .strictObject({
        keys: names.optional().describe("API keys."),
        subjects: names.optional().describe("Users and service accounts."),
        teams: names.optional().describe("Teams."),
        organisations: names.optional().describe("Organisations."),
        roles: names.optional().describe("Roles."),
      })
      .default({})
      .describe("Identities. Default: every authenticated one."),
    endpoints: z.array(z.enum(endpoints)).min(1).optional().describe("Endpoints. Default: all."),
    models: patterns.optional().describe("Models. Default: all."),
    labels: names.optional().describe("Labels of the model."),
    dataClasses: names.optional().describe("Data classes of the request."),
    parameters: bounds.optional().describe("Bounds on request parameters."),
    when: z
      .strictObject({
        days: z.array(z.enum(weekdays)).min(1).optional().describe("Days of the week."),
        from: timeOfDay.optional().describe("Start time of day. Needs `to`; a later `from` spans midnight."),
        to: timeOfDay.optional().describe("End time of day."),
        timezone: z.string().refine(isTimezone, 'a time zone such as "Europe/Berlin"').default("UTC").describe("Time zone."),
        notBefore: z.iso.datetime({ offset: true }).optional().describe("Start, ISO 8601 with offset."),
        notAfter: z.iso.datetime({ offset: true }).optional().describe("End, ISO 8601 with offset."),
      })
      .refine(w => (w.from === undefined) === (w.to === undefined), "from and to, or neither")
      .optional()
      .describe("Time window."),
    reason: z.string().max(300).optional().describe("Reason in the error message of a denial."),
  }),
);
export type Policy = z.output<typeof policyPart>;
export type Bound = z.output<typeof bound>;

/** More are a mistake of a program: each change reads them all. */
export const mostPolicies = 100_000;

export const policiesPart = z.lazy(() =>
  z
    .array(policyPart)
    .max(mostPolicies)
    .default([])
    .superRefine((all, context) => {
      const seen = new Set<string>();
      all.forEach((p, i) => {
        if (seen.has(p.id)) context.addIssue({ code: "custom", path: [i, "id"], message: "an id that no other policy has" });
        seen.add(p.id);
      });
    }),
);
