/**
 * IBANs (ISO 13616): the country's length, check digits 02 to 98, mod 97, written in one piece or in fours. Countries and lengths are
 * those of the SWIFT registry.
 */
import { code, hangsBefore, isBlank, isWord } from "./chars.ts";
import { mod97 } from "./check-digits.ts";
import { report, type Scan } from "./scan.ts";

/** Length by country. */
const ibanLengths: Readonly<Record<string, number>> = Object.fromEntries(
  "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    .split(" ")
    .map(row => [row.slice(0, 2), Number(row.slice(2))]),
);

/** Whether a string without spaces, in capitals, is an IBAN. */
const isIban = (s: string): boolean =>
  ibanLengths[s.slice(0, 2)] === s.length && /^[A-Z]{2}(?!0[01]|99)\d\d[A-Z0-9]+$/.test(s) && mod97(s) === 1;

/** Looks at a word that begins with two letters and two digits. */
export function iban(scan: Scan, start: number, wordEnd: number): void {
  const { text } = scan;
  const length = ibanLengths[text.slice(start, start + 2).toUpperCase()];
  if (length === undefined || hangsBefore(text, start)) return;
  const grouped = wordEnd - start === 4;
  if (!grouped && wordEnd - start !== length) return;
  let value = "";
  let at = start;
  for (; value.length < length && at - start < 44; at++) {
    const c = code(text, at);
    if (isWord(c)) value += text[at];
    else if (!grouped || !isBlank(c) || value.length % 4 !== 0 || !isWord(code(text, at + 1))) break;
  }
  scan.steps += at - start;
  if (value.length !== length || isWord(code(text, at)) || !isIban(value.toUpperCase())) return;
  report(scan, "iban", start, at, 1, value.slice(0, 2).toUpperCase());
}
