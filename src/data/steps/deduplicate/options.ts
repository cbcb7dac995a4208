/** Options of the step `deduplicate` in `loam.yaml`. */

import { z } from "zod";
import { nearDuplicateOptions } from "../near-duplicates/options.ts";

export const deduplicateOptions = z.lazy(() =>
  z.strictObject({
    fuzzy: z
      .union([z.boolean(), nearDuplicateOptions])
      .default(false)
      .meta({ description: "Also remove near-duplicates (MinHash). `true`: default thresholds.", examples: [true, { threshold: 0.8 }] }),
  }),
);
