/** What the values of an architecture's keys may be, whichever file names them: config.json or GGUF. */
import { z } from "zod";

/** A count of something that a table or an axis has. */
export const size = z
  .number()
  .int()
  .min(1)
  .max(2 ** 24);
export const layers = z.number().int().min(1).max(4096);
export const share = z.number().min(0).max(1);
export const any = z.unknown().optional();
