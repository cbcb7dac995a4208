/**
 * Phone numbers. Groups of digits are tried only where a cheap look at their number, sizes and first digits says they may be dialled in
 * one of the regions; libphonenumber then judges. With `+` a number stands for itself; the national ways of writing need either a form
 * that little else has (`(212) 736-5000`, `030 901820`, `01 42 68 53 00`) or a word near by. Numbers reserved for fiction are nobody's.
 */
import { code, hangsAfter, hangsBefore, isBlank } from "./chars.ts";
import { leaning, otherNumbers, wordList, wordsNear } from "./context.ts";
import { phoneNumber, type Region } from "./phone-library.ts";
import { report, type Scan } from "./scan.ts";

/** Digits with their places, as `numbers.ts` reads them. */
interface DigitGroups {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** How many of them are in use. */
  readonly count: number;
}

const phoneWords = wordsNear(
  "my number",
  "his number",
  "her number",
  "number is",
  ...wordList(
    "phone* tel telephone* telefon* teléfono telefono téléphone téléphoner cell* cellphone mobile mobil handy móvil portable call* dial* fax* whatsapp sms text reach ring contact hotline helpline voicemail ext ph mob tlf fon tél appel* anruf* rufnummer chiama* llam* ligue celular",
  ),
);

/** Numbers that regulators keep for fiction (NANPA, Ofcom, ARCEP, Bundesnetzagentur): calling code, national significant number. */
const fictional =
  /^(?:1\d{3}55501\d\d|44(?:1632960\d{3}|7700900\d{3}|2079460\d{3}|8081570\d{3}|1(?:1[345678]|21|31|41|51|61)4960\d{3})|33(?:19900|26191|35301|46571|53649|63998)\d{4}|49(?:3023125|6990009|4066969|2214710|8999998)\d{3})$/;
const fictionalCodes: readonly (readonly [string, string])[] = [
  ["US", "1"],
  ["GB", "44"],
  ["FR", "33"],
  ["DE", "49"],
];
/** Digits as dialled within one of the regions; libphonenumber holds most of these for invalid, and another region may want them. */
const isFictional = (scan: Scan, digits: string): boolean =>
  fictionalCodes.some(
    ([region, calling]) => scan.regions.includes(region) && fictional.test(calling + digits.replace(calling === "1" ? /^1/ : /^0/, "")),
  );

/** A national way of writing: which regions, how many digits, what they look like bare and in groups. */
interface Plan {
  readonly regions: readonly string[];
  readonly digits: RegExp;
  /** Sizes of groups that need no word beside them; never reached by dates, versions or amounts. */
  readonly shapes: RegExp;
}
const plans: readonly Plan[] = [
  { regions: ["US", "CA"], digits: /^1?[2-9]\d\d[2-9]\d{6}$/, shapes: /^(?:1[ .-]|1 ?\()?\(?3(?:\) ?|[ .-]|\)-|\/)3[ .-]4$|^\(3\) ?7$/ },
  { regions: ["FR"], digits: /^0[1-9]\d{8}$/, shapes: /^2([ .-])2(?:\1(?:2)){3}$|^4([ .])2(?:\2(?:2)){2}$/ },
  {
    regions: ["GB", "DE", "IT", "NL", "IN", "CH", "AT", "BE", "SE", "AU", "IL"],
    digits: /^0\d{7,11}$/,
    shapes:
      /^(?!5-4$)\(?[3-5](?:[ -]|\) ?| ?\/ ?)[3-9](?:[ -]\d){0,3}$|^\(?2(?:-|\) ?| \/ ?|\/)(?:[6-8]|[34][ -]4)$|^3 4 4$|^3 3 2 2$|^\(?3(?:[ -]|\) ?|\/)2(?: 2){2,3}$/,
  },
  { regions: ["ES", "PL", "IT"], digits: /^[2-9]\d{8,9}$/, shapes: /^$/ },
  { regions: ["BR"], digits: /^[1-9]\d9?\d{8}$/, shapes: /^\(2\) ?[45][ -]4$/ },
  { regions: ["IN"], digits: /^[6-9]\d{9}$/, shapes: /^$/ },
];
const dateLike =
  /^(?:(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|1[0-2]|[12]\d)[-./ ](?:19|20)\d\d|\d\d([-./])\d\d\1\d\d(?: |$))(?!\d)/;

/** Parses that a run of groups may cost; tables of numbers are cut off there. */
const maxParses = 12;

/** Looks for numbers that begin at one of the groups, from the left, the longest first. */
export function phones(scan: Scan, groups: DigitGroups): void {
  const { text } = scan;
  const { starts, ends, count } = groups;
  let parses = 0;
  for (let k = 0; k < count; k++) {
    const first = starts[k]!;
    if (k > 0 && !isBlank(code(text, first - 1)) && code(text, first - 1) !== 40) continue;
    let total = 0;
    let to = k;
    for (; to < count && to - k < 8 && total + ends[to]! - starts[to]! <= 15; to++) total += ends[to]! - starts[to]!;
    for (let m = to; m > k && total >= 7 && parses < maxParses; total -= ends[m - 1]! - starts[m - 1]!, m--) {
      // A number ends with its cluster or before a blank.
      if (m < count && !isBlank(code(text, ends[m - 1]!))) continue;
      if (!likely(text, first, m - k, total)) continue;
      const verdict = attempt(scan, first, ends[m - 1]!, total, inRow(groups, k, m));
      parses += verdict.parses;
      if (verdict.found) {
        k = m - 1;
        break;
      }
    }
  }
}

const extension = /^x\d{1,5}(?!\w)/i;

/** Groups of one size (`045 183 886`, `0448 7190 1463`) are how tables and amounts look. */
const alike = /^([34])(?:[ .-]\1){2}$/;

/** Whether more digits of some length stand beside groups `k` to `m`, as in a row of a table. */
const inRow = ({ starts, ends, count }: DigitGroups, k: number, m: number): boolean =>
  (k > 0 && ends[k - 1]! - starts[k - 1]! > 2) || (m < count && ends[m]! - starts[m]! > 2);

/** By the first character, the number of groups and of digits: most runs of digits end here. */
function likely(text: string, first: number, size: number, total: number): boolean {
  const before = code(text, first - 1);
  if (before === 43 || (before === 40 && code(text, first - 2) === 43)) return total >= 8;
  if (code(text, first) === 48) return size <= 6 && total >= 8 && total <= 15;
  return size <= 4 && total >= 9 && total <= 11;
}

function attempt(scan: Scan, first: number, end: number, total: number, row: boolean): { found: boolean; parses: number } {
  const none = { found: false, parses: 0 };
  const { text } = scan;
  scan.steps += end - first;
  const open = code(text, first - 1) === 40;
  const closed = text.slice(first, end).includes(")");
  let start = open && closed ? first - 1 : first;
  const plus = code(text, start - 1) === 43 || (open && code(text, first - 2) === 43);
  if (plus) start -= 1;
  if (
    hangsBefore(text, start) ||
    (hangsAfter(text, end) && !extension.test(text.slice(end, end + 8))) ||
    (!plus && code(text, start - 1) === 43)
  )
    return none;
  const value = text
    .slice(start, end)
    .replace(/[\u2010\u2011]/g, "-")
    .replace(/[\u00a0\u2007\u202f]/g, " ");
  const digits = value.replace(/\D/g, "");
  if (plus || (digits.startsWith("00") && digits[2] !== "0" && total >= 10)) {
    if (total < 8) return none;
    const lean = plus ? "neither" : leaning(scan, start, end, phoneWords, otherNumbers);
    if (lean === "against") return none;
    // `+49 (0)30 1234`: the zero in brackets is dialled at home only.
    if (fictional.test(digits.replace(/^00/, ""))) return { found: true, parses: 0 };
    const parsed = phoneNumber(`+${digits.replace(/^00/, "").length ? value.replace(/^\+?(?:00)?/, "").replace(/\(0\)/, "") : ""}`);
    if (!parsed) return { found: false, parses: 1 };
    if (!fictional.test(parsed.number.slice(1))) report(scan, "phone", start, end, plus ? 0.9 : lean === "for" ? 0.9 : 0.6, parsed.region);
    return { found: true, parses: 1 };
  }
  if (total > 12 || dateLike.test(value)) return none;
  if (isFictional(scan, digits)) return { found: true, parses: 0 };
  const shape = value.replace(/\d+/g, run => String(run.length));
  let lean: ReturnType<typeof leaning> | undefined;
  let parses = 0;
  for (const plan of plans) {
    if (!plan.digits.test(digits)) continue;
    const formed = plan.shapes.test(shape) && !(row && !open) && !alike.test(shape);
    lean ??= leaning(scan, start, end, phoneWords, otherNumbers);
    // Nothing else is written with an area code in brackets.
    if (lean === "against" && open && formed) lean = "neither";
    if (lean === "against" || (!formed && lean !== "for")) continue;
    const score = lean === "for" ? 0.85 : 0.65;
    if (score < scan.minScore) continue;
    for (const region of plan.regions) {
      if (!scan.regions.includes(region)) continue;
      parses++;
      scan.steps += value.length;
      const parsed = phoneNumber(value, region as Region);
      if (!parsed) continue;
      report(scan, "phone", start, end, score, parsed.region ?? region);
      return { found: true, parses };
    }
  }
  return { found: false, parses };
}
