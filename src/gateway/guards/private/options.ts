/** What a guard of private data is told. */
import { z } from "zod";

/** As in data's table of types, which `open` checks against; written here so that a gateway without such a guard loads nothing of it. */
const privateKinds = [
  "privateKey",
  "secret",
  "urlCredentials",
  "email",
  "iban",
  "card",
  "nationalId",
  "phone",
  "ip",
  "ipReserved",
  "name",
  "place",
] as const;

export const privateOptions = {
  /** Of a request's texts, in UTF-8: more is refused. */
  maxBytes: z
    .number()
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(8 * 1024 * 1024),
  /** Of what a request holds. */
  action: z.enum(["redact", "block", "flag"]).default("redact"),
  /** Whether an answer that uses a placeholder gets back what it stands for. */
  restore: z.boolean().default(true),
  /** Of what an answer holds that was not in the request. */
  answer: z.enum(["keep", "redact", "block", "flag"]).default("keep"),
  /** Those that data's step masks, when absent. */
  types: z.array(z.enum(privateKinds)).min(1).optional(),
  /** What counts as found. */
  minScore: z.number().min(0.3).max(1).default(0.5),
  /** Countries whose national way of writing phone numbers is understood. */
  regions: z.array(z.string().length(2)).min(1).optional(),
  /** A model that `loam data private train` made, for names and places; relative to the configuration. */
  names: z.strictObject({ model: z.string().min(1), minScore: z.number().min(0).max(1).optional() }).optional(),
};
