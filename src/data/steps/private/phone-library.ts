/**
 * The one place that knows libphonenumber-js. Its full metadata (`max`, 157 kB) is used, since only that checks the digits of a number
 * and not just how many there are. It is loaded when the first likely number turns up, 15 ms; steps are synchronous, hence `require`.
 */
import { createRequire } from "node:module";
import type { CountryCode } from "libphonenumber-js/max";

export type Region = CountryCode;

let library: typeof import("libphonenumber-js/max") | undefined;
const load = () => (library ??= createRequire(import.meta.url)("libphonenumber-js/max") as typeof import("libphonenumber-js/max"));

interface PhoneNumber {
  /** E.164: `+4930123456`. */
  readonly number: string;
  readonly region: string | undefined;
  readonly callingCode: string;
  readonly national: string;
}

export const isRegion = (region: string): region is Region => load().isSupportedCountry(region);

/** A valid number, read as one would dial it in `region` where it has no `+`; undefined where it is none. */
export function phoneNumber(text: string, region?: Region): PhoneNumber | undefined {
  const { parsePhoneNumberFromString } = load();
  const parsed = region
    ? parsePhoneNumberFromString(text, { defaultCountry: region, extract: false })
    : parsePhoneNumberFromString(text, { extract: false });
  if (!parsed?.isValid()) return undefined;
  return { number: parsed.number, region: parsed.country, callingCode: parsed.countryCallingCode, national: parsed.nationalNumber };
}
