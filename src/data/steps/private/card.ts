/**
 * Payment cards: the right length for the issuer's range, Luhn, and a form people write (bare, or groups of 4-4-4-4, 4-6-5, 4-6-4). Not
 * inside longer numbers. Published test numbers and the ranges that surrogates come from are nobody's cards.
 */
import { luhn } from "./check-digits.ts";
import { leaning, otherNumbers, wordList, wordsNear } from "./context.ts";
import { report, type Scan } from "./scan.ts";

/** Issuers by ranges of the first six digits and lengths (ISO/IEC 7812; ranges as the networks publish them). */
const issuers: readonly {
  readonly name: string;
  readonly ranges: readonly (readonly [number, number])[];
  readonly lengths: readonly number[];
}[] = [
  { name: "visa", ranges: [[400000, 499999]], lengths: [13, 16, 19] },
  {
    name: "mastercard",
    ranges: [
      [510000, 559999],
      [222100, 272099],
    ],
    lengths: [16],
  },
  {
    name: "amex",
    ranges: [
      [340000, 349999],
      [370000, 379999],
    ],
    lengths: [15],
  },
  {
    name: "discover",
    ranges: [
      [601100, 601199],
      [644000, 659999],
    ],
    lengths: [16, 19],
  },
  { name: "jcb", ranges: [[352800, 358999]], lengths: [16, 17, 18, 19] },
  {
    name: "diners",
    ranges: [
      [300000, 305999],
      [309500, 309599],
      [360000, 369999],
      [380000, 399999],
    ],
    lengths: [14, 16, 19],
  },
  {
    name: "unionpay",
    ranges: [
      [620000, 629999],
      [810000, 817199],
    ],
    lengths: [16, 17, 18, 19],
  },
  {
    name: "maestro",
    ranges: [
      [500000, 509999],
      [560000, 589999],
      [639000, 639099],
      [670000, 679999],
    ],
    lengths: [16, 18, 19],
  },
  { name: "mir", ranges: [[220000, 220499]], lengths: [16] },
  {
    name: "rupay",
    ranges: [
      [607000, 608999],
      [817200, 820199],
    ],
    lengths: [16],
  },
];

/** IINs that processors use for test cards, from which surrogates are made: 16 and 15 digits. */
export const testIssuers = { 16: "400000", 15: "370000" } as const;
/** Test numbers that the networks and processors publish. */
const published = new Set(
  "4111111111111111 4242424242424242 4012888888881881 4222222222222 5555555555554444 5105105105105100 5200828282828210 2223003122003222 378282246310005 371449635398431 378734493671000 6011111111111117 6011000990139424 30569309025904 38520000023237 3530111333300000 3566002020360505 6200000000000005".split(
    " ",
  ),
);

const cardWords = wordsNear(
  ...wordList(
    "card* credit debit visa mastercard amex american express discover jcb diners maestro unionpay cc ccn pan payment* pay paid charge* cvv cvc exp expir* billing kreditkarte* kartennummer tarjeta carte carta cartão",
  ),
);

/** The issuer of a number of digits that passes all checks. */
function cardIssuer(digits: string): string | undefined {
  const first = Number(digits.slice(0, 6));
  const issuer = issuers.find(r => r.lengths.includes(digits.length) && r.ranges.some(([a, b]) => first >= a && first <= b));
  return issuer && luhn(digits) ? issuer.name : undefined;
}

const forms = /^(?:1[3-9]|4([ -])4\1(?:4)\1(?:[14]|4\1(?:3))|4([ -])6\2(?:[45]))$/;

/** Holds digits that stand from `start` to `end` in groups of such a shape against the rules. */
export function card(scan: Scan, start: number, end: number, digits: string, shape: string): void {
  if (!forms.test(shape)) return;
  scan.steps += digits.length;
  const issuer = cardIssuer(digits);
  if (!issuer) return;
  if (published.has(digits) || digits.startsWith(testIssuers[digits.length === 15 ? 15 : 16]) || /^(\d)\1+$/.test(digits)) {
    report(scan, "nobody", start, end, 1);
    return;
  }
  const lean = leaning(scan, start, end, cardWords, otherNumbers);
  // Of random numbers of the right beginning one in ten passes Luhn: bare ones of lengths other than 15 and 16 need the word.
  const usual = digits.length === 16 || digits.length === 15 || shape.length > 2;
  report(scan, "card", start, end, lean === "for" ? 1 : lean === "against" ? 0.3 : usual ? 0.75 : 0.4, issuer);
}
