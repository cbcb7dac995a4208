/** Countries whose national phone numbers are understood. */
import type { Region } from "./phone-library.ts";

export const defaultRegions = [
  "US",
  "GB",
  "DE",
  "FR",
  "ES",
  "IT",
  "NL",
  "PL",
  "BR",
  "IN",
  "CA",
  "CH",
  "AT",
  "BE",
  "SE",
  "AU",
  "IL",
] as const satisfies Region[];
