/** The part of the configuration that lets requests in by AWS Signature Version 4. */
import { z } from "zod";
import { durationMs } from "../limits/durations.ts";

const names = z
  .array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a name of small letters, digits and -"))
  .min(1)
  .max(100);

/** Access by signature; without this part nobody comes in by one. */
export const sigv4Part = z.strictObject({
  /** What a signature must be for: those for another region or service are not good here. */
  regions: names,
  services: names.refine(all => !all.includes("s3"), "other services than s3, whose signatures have rules of their own"),
  /** How far a request's time may be from the gateway's, before and after: for so long it can be sent again by whoever has seen it. */
  clockSkew: durationMs.default(5 * 60_000).refine(ms => ms >= 1_000 && ms <= 15 * 60_000, "1s to 15m"),
  /** Whether a body may go unsigned; only where the connection protects it. */
  unsignedPayload: z.enum(["refused", "allowed"]).default("refused"),
});
export type Sigv4 = z.output<typeof sigv4Part>;
