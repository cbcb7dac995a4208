/** Options of the step `clean` in `loam.yaml`. */
import { z } from "zod";

export const cleanOptions = z.lazy(() =>
  z.strictObject({
    quotes: z.enum(["keep", "drop"]).default("keep").describe("Quoted lines of earlier mails. Their share is measured either way."),
    signature: z.enum(["keep", "drop"]).default("keep").describe("Signature after a line `-- `."),
    footer: z.enum(["keep", "drop"]).default("keep").describe("Footers of mailing lists."),
    blobs: z.enum(["keep", "drop"]).default("drop").describe("Base64, uuencode and PGP blocks."),
  }),
);
