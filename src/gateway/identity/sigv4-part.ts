/** `access.sigv4`: which signed requests of AWS are accepted. */

import { z } from "zod";
import { durationMs } from "../limits/durations.ts";

const names = z
  .array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a name of small letters, digits and -"))
  .min(1)
  .max(100);

/** Access by signature; without this part nobody comes in by one. */
export const sigv4Part = z.lazy(() =>
  z.strictObject({
    regions: names.describe("Accepted regions."),
    services: names
      .refine(all => !all.includes("s3"), "other services than s3, whose signatures have rules of their own")
      .describe("Accepted service names."),
    clockSkew: durationMs
      .default(5 * 60_000)
      .refine(ms => ms >= 1_000 && ms <= 15 * 60_000, "1s to 15m")
      .describe("Accepted clock skew."),
    unsignedPayload: z.enum(["refused", "allowed"]).default("refused").describe("Requests with an unsigned body."),
  }),
);
export type Sigv4 = z.output<typeof sigv4Part>;
