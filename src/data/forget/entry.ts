/** An entry of `forget:` in `loam.yaml`. */
import { z } from "zod";

/** Digits of a hash that an entry has at least: 12 are 48 bits, so of a billion ids one in a quarter million is hit by chance. */
const minDigits = 12;
export const forgetEntry = z
  .string()
  .min(1)
  .refine(e => !e.startsWith("#") || new RegExp(`^#[0-9a-f]{${minDigits},64}$`).test(e), {
    message: `an id, or # and ${minDigits} to 64 hexadecimal digits of its SHA-256`,
  });
