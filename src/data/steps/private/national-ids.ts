/**
 * National numbers whose form can be checked, a row each. What a row needs: `form` (form and check digits are enough), `grouping` (enough
 * when written in the usual groups, else a word near by), `word` (always a word near by, the check being weak). Sources are the offices'
 * own rules; left out are numbers without any check (passports, driving licences).
 */
import { code, hangsAfter, hangsBefore, isBlank, isDigit, isHyphen, isUpper, isWord } from "./chars.ts";
import { isDay, luhn, mod1110, modulo, verhoeff, weighted } from "./check-digits.ts";
import { hasNear, leaning, otherNumbers, wordsNear } from "./context.ts";
import { report, type Scan } from "./scan.ts";

interface NumberRow {
  readonly kind: string;
  readonly length: number;
  /** Sizes of the groups in which it is written. */
  readonly groups: string;
  readonly needs: "form" | "grouping" | "word";
  readonly words: RegExp;
  check(s: string): boolean;
}

const n = (s: string, from: number, to: number): number => Number(s.slice(from, to));
const last = (s: string): number => s.charCodeAt(s.length - 1) - 48;
const identity = ["id", "identity", "national", "citizen*", "personal number", "personnummer"] as const;
const taxWords = ["tax id", "tax number", "tin", "tax"] as const;

/** SSA: no area 000, 666 or 900 up, no group 00, no serial 0000; two numbers printed in advertisements are nobody's. */
const ssn = (s: string): boolean =>
  n(s, 0, 3) > 0 &&
  n(s, 0, 3) !== 666 &&
  n(s, 0, 3) < 900 &&
  n(s, 3, 5) > 0 &&
  n(s, 5, 9) > 0 &&
  s !== "078051120" &&
  s !== "219099999" &&
  !/^(\d)\1+$/.test(s);
/** IRS: 9xx with groups 50-65, 70-88, 90-92, 94-99. */
const itin = (s: string): boolean => {
  const g = n(s, 3, 5);
  return s[0] === "9" && ((g >= 50 && g <= 65) || (g >= 70 && g <= 88) || (g >= 90 && g <= 92) || g >= 94);
};
/** Bundeszentralamt für Steuern: of the first ten digits one comes twice or thrice, the others once; ISO 7064 MOD 11,10. */
const germanTaxId = (s: string): boolean => {
  if (s[0] === "0") return false;
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10; i++) counts[s.charCodeAt(i) - 48]!++;
  const repeated = counts.filter(c => c > 1);
  return repeated.length === 1 && repeated[0]! <= 3 && mod1110(s);
};
/** Receita Federal: two digits, each a weighted sum modulo 11. */
const cpf = (s: string): boolean => {
  if (/^(\d)\1+$/.test(s)) return false;
  const a = ((weighted(s, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  const b = ((weighted(s, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  return a === n(s, 9, 10) && b === n(s, 10, 11);
};
/** Ministerstwo Cyfryzacji: the century is in the month; weights 1 3 7 9. */
const pesel = (s: string): boolean => isDay(n(s, 2, 4) % 20, n(s, 4, 6)) && weighted(s, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0;
/** INSEE: sex, year, month, department, commune, order; key 97 - number mod 97. */
const nir = (s: string): boolean => {
  const month = n(s, 3, 5);
  return (
    (s[0] === "1" || s[0] === "2") &&
    ((month >= 1 && month <= 12) || (month >= 20 && month <= 42)) &&
    n(s, 5, 7) > 0 &&
    97 - modulo(s.slice(0, 13), 97) === n(s, 13, 15)
  );
};
/** NHS: weights 10 to 2, modulo 11. */
const nhs = (s: string): boolean => {
  const c = (11 - (weighted(s, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
  return c !== 10 && c === last(s) && !/^(\d)\1+$/.test(s);
};
/** Rijksdienst voor Identiteitsgegevens: the eleven-test with -1 for the last digit. */
const bsn = (s: string): boolean => n(s, 0, 9) > 0 && weighted(s, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
/** Rijksregister: 97 - number mod 97; a 2 before those born from 2000 on. */
const belgian = (s: string): boolean => {
  const month = n(s, 2, 4);
  if (month > 12 || n(s, 4, 6) > 31) return false;
  const key = n(s, 9, 11);
  return 97 - modulo(s.slice(0, 9), 97) === key || 97 - modulo(`2${s.slice(0, 9)}`, 97) === key;
};
/** Skatteetaten: two check digits modulo 11. */
const norwegian = (s: string): boolean =>
  isDay(n(s, 2, 4) % 40, n(s, 0, 2) % 40) &&
  weighted(s, [3, 7, 6, 1, 8, 9, 4, 5, 2, 1]) % 11 === 0 &&
  weighted(s, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0;
/** Zentrale Ausgleichsstelle: 756 and EAN-13. */
const ahv = (s: string): boolean => s.startsWith("756") && weighted(s, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 === 0;

const rows: readonly NumberRow[] = [
  {
    kind: "us-ssn",
    length: 9,
    groups: "3-2-4",
    needs: "grouping",
    words: wordsNear("ssn", "ssns", "social security", "social", "ss#", ...taxWords),
    check: ssn,
  },
  {
    kind: "us-itin",
    length: 9,
    groups: "3-2-4",
    needs: "grouping",
    words: wordsNear("itin", "individual taxpayer", ...taxWords),
    check: itin,
  },
  {
    kind: "nl-bsn",
    length: 9,
    groups: "",
    needs: "word",
    words: wordsNear("bsn", "burgerservicenummer", "sofinummer", "sofi", "citizen service number"),
    check: bsn,
  },
  {
    kind: "ca-sin",
    length: 9,
    groups: "3 3 3",
    needs: "word",
    words: wordsNear("sin", "social insurance", "assurance sociale"),
    check: s => s[0] !== "0" && s[0] !== "8" && luhn(s),
  },
  {
    kind: "uk-nhs",
    length: 10,
    groups: "3 3 4",
    needs: "word",
    words: wordsNear("nhs", "national health service", "health service*"),
    check: nhs,
  },
  {
    kind: "se-personnummer",
    length: 10,
    groups: "6-4",
    needs: "word",
    words: wordsNear(...identity, "swedish", "födelsenummer"),
    check: s => isDay(n(s, 2, 4), n(s, 4, 6) % 60) && luhn(s),
  },
  {
    kind: "de-tax-id",
    length: 11,
    groups: "2 3 3 3",
    needs: "word",
    words: wordsNear("steuer*", "idnr", "identifikationsnummer", "steuernummer", "tin", ...taxWords),
    check: germanTaxId,
  },
  { kind: "pl-pesel", length: 11, groups: "", needs: "word", words: wordsNear("pesel", ...identity), check: pesel },
  {
    kind: "br-cpf",
    length: 11,
    groups: "3.3.3-2",
    needs: "grouping",
    words: wordsNear("cpf", "cadastro de pessoas", ...taxWords),
    check: cpf,
  },
  {
    kind: "be-rrn",
    length: 11,
    groups: "2.2.2-3.2",
    needs: "grouping",
    words: wordsNear("rijksregister*", "registre national", "niss", "insz", "national register", ...identity),
    check: belgian,
  },
  {
    kind: "no-fnr",
    length: 11,
    groups: "6 5",
    needs: "word",
    words: wordsNear("fødselsnummer", "fodselsnummer", "personnr", "fnr", "d-nummer", ...identity),
    check: norwegian,
  },
  {
    kind: "in-aadhaar",
    length: 12,
    groups: "4 4 4",
    needs: "word",
    words: wordsNear("aadhaar", "aadhar", "uidai", "uid", "आधार"),
    check: s => s[0]! > "1" && verhoeff(s),
  },
  {
    kind: "ch-ahv",
    length: 13,
    groups: "3.4.4.2",
    needs: "grouping",
    words: wordsNear("ahv", "avs", "ahv-nr", "social security", "sozialversicherungsnummer"),
    check: ahv,
  },
  {
    kind: "fr-nir",
    length: 15,
    groups: "1 2 2 2 3 3 2",
    needs: "form",
    words: wordsNear("nir", "sécurité sociale", "securite sociale", "insee", "social security", "sécu"),
    check: nir,
  },
];
const byLength: readonly NumberRow[][] = Array.from({ length: 16 }, (_, length) => rows.filter(r => r.length === length));
export const nationalNumberLengths: readonly boolean[] = byLength.map(r => r.length > 0);

/** Holds digits that stand from `start` to `end`, written in `shape` (`3-2-4`, separators as space, hyphen or other), against the rows. */
export function nationalNumber(scan: Scan, start: number, end: number, digits: string, shape: string): void {
  for (const row of byLength[digits.length] ?? []) {
    scan.steps += digits.length;
    const bare = shape === String(digits.length);
    const grouped = shape === row.groups;
    if ((!bare && !grouped && shape !== row.groups.replace(/[-.]/g, " ")) || !row.check(digits)) continue;
    const near = hasNear(scan, start, end, row.words);
    const enough = row.needs === "form" || (row.needs === "grouping" && grouped);
    report(scan, "nationalId", start, end, near ? 0.95 : enough ? 0.75 : 0.3, row.kind);
  }
}

const ninoWords = wordsNear("nino", "national insurance", "ni", "ni number", "hmrc", "nin");
/** HMRC: two letters with exceptions, six digits, a letter A to D. */
const nino = /^(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$/;

/** The form is rare but has no check digit: a word for another kind of number speaks against it. */
const ninoScore = (scan: Scan, start: number, end: number, alone: number): number =>
  ({ for: 0.95, neither: alone, against: 0.3 })[leaning(scan, start, end, ninoWords, otherNumbers)];

/** Looks for the letters around six digits: `QQ 12 34 56 C`. `start` and `end` are those of the digits. */
export function spacedNino(scan: Scan, start: number, end: number, digits: string): void {
  const { text } = scan;
  if (!isBlank(code(text, start - 1)) || !isUpper(code(text, start - 2)) || !isUpper(code(text, start - 3)) || hangsBefore(text, start - 3))
    return;
  const at = isBlank(code(text, end)) || isHyphen(code(text, end)) ? end + 1 : end;
  scan.steps += 8;
  const value = text.slice(start - 3, start - 1) + digits + text[at];
  if (isWord(code(text, at + 1)) || !nino.test(value)) return;
  const pairs = end - start === 8;
  report(scan, "nationalId", start - 3, at + 1, ninoScore(scan, start - 3, at + 1, pairs ? 0.7 : 0.55), "uk-nino");
}

/** Ministerio del Interior: number modulo 23 is a letter's place. */
const spanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE";
const spanishWords = wordsNear("dni", "nif", "nie", "documento", "identidad", ...identity, ...taxWords);
/** Decreto 23/12/1976: what characters count at odd places. */
const odd = "1,0,5,7,9,13,15,17,19,21,2,4,18,20,11,3,6,8,12,14,16,10,22,25,24,23".split(",").map(Number);
const oddOf = (c: string): number => odd[/\d/.test(c) ? Number(c) : c.charCodeAt(0) - 65]!;
const evenOf = (c: string): number => (/\d/.test(c) ? Number(c) : c.charCodeAt(0) - 65);
const codiceForm = /^[A-Z]{6}[\dLMNPQRSTUV]{2}[ABCDEHLMPRST][\dLMNPQRSTUV]{2}[A-Z][\dLMNPQRSTUV]{3}[A-Z]$/;

/** Agenzia delle Entrate: name, birth, place and a check letter. */
const isCodiceFiscale = (s: string): boolean =>
  codiceForm.test(s) &&
  [...s.slice(0, 15)].reduce((sum, c, i) => sum + (i % 2 === 0 ? oddOf(c) : evenOf(c)), 0) % 26 === s.charCodeAt(15) - 65;

/** DNI: eight digits and a letter; NIE: X, Y or Z for 0, 1 or 2, seven digits and a letter. */
const isSpanishId = (s: string): boolean =>
  /^[\dXYZ]\d{7}[A-Z]$/.test(s) && spanishLetters[Number(s.slice(0, 8).replace(/^[XYZ]/, c => String(c.charCodeAt(0) - 88))) % 23] === s[8];

/** GIP-MDS: 2A and 2B, Corsica, count as 19 and 18. */
const corsican = (s: string): boolean => /^[12]\d{4}2[AB]\d{8}$/.test(s) && nir(s.replace("2A", "19").replace("2B", "18"));

/** Holds a word of letters and digits against the national forms that have letters. */
export function nationalWord(scan: Scan, start: number, end: number): void {
  const { text } = scan;
  const length = end - start;
  if ((length !== 9 && length !== 15 && length !== 16) || hangsBefore(text, start) || hangsAfter(text, end)) return;
  scan.steps += length;
  const value = text.slice(start, end);
  const upper = value.toUpperCase();
  if (length === 16 && isCodiceFiscale(upper)) report(scan, "nationalId", start, end, 0.9, "it-cf");
  else if (length === 15 && corsican(value)) report(scan, "nationalId", start, end, 0.9, "fr-nir");
  else if (length === 9 && isSpanishId(value))
    report(
      scan,
      "nationalId",
      start,
      end,
      hasNear(scan, start, end, spanishWords) ? 0.95 : 0.7,
      isDigit(code(text, start)) ? "es-dni" : "es-nie",
    );
  else if (length === 9 && nino.test(value)) report(scan, "nationalId", start, end, ninoScore(scan, start, end, 0.55), "uk-nino");
}

/** `12345678-Z` and `X-1234567-L`: `start` and `end` are those of the digits. */
export function hyphenedSpanishId(scan: Scan, start: number, end: number): void {
  const { text } = scan;
  if (!isHyphen(code(text, end)) || !isUpper(code(text, end + 1)) || isWord(code(text, end + 2))) return;
  const first = end - start === 7 ? (isHyphen(code(text, start - 1)) ? start - 2 : start - 1) : start;
  scan.steps += 12;
  if (hangsBefore(text, first)) return;
  if (!isSpanishId(text.slice(first, end + 2).replace(/[-\u2010\u2011]/g, ""))) return;
  report(
    scan,
    "nationalId",
    first,
    end + 2,
    hasNear(scan, first, end + 2, spanishWords) ? 0.95 : 0.7,
    first === start ? "es-dni" : "es-nie",
  );
}
