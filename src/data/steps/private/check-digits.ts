/** Check digits, on strings of ASCII digits. Each is the published rule; the tests make numbers by other means and hold them against these. */

const digit = (s: string, i: number): number => s.charCodeAt(i) - 48;

/** Luhn (ISO/IEC 7812-1 annex B): doubled every second digit from the right. */
export function luhn(s: string): boolean {
  let sum = 0;
  for (let i = s.length - 1, double = false; i >= 0; i--, double = !double) {
    const d = digit(s, i) << (double ? 1 : 0);
    sum += d > 9 ? d - 9 : d;
  }
  return sum % 10 === 0;
}

/** Sum of digits by weights. */
export const weighted = (s: string, weights: readonly number[]): number => weights.reduce((sum, w, i) => sum + w * digit(s, i), 0);

/** Value modulo `m` of a decimal number of any length. */
export function modulo(s: string, m: number): number {
  let r = 0;
  for (let i = 0; i < s.length; i++) r = (r * 10 + digit(s, i)) % m;
  return r;
}

/** ISO 7064 MOD 11,10: the last digit is the check digit. */
export function mod1110(s: string): boolean {
  let p = 10;
  for (let i = 0; i < s.length - 1; i++) {
    p = (p + digit(s, i)) % 10 || 10;
    p = (p * 2) % 11;
  }
  return (11 - p) % 10 === digit(s, s.length - 1);
}

/** ISO 7064 MOD 97-10 of an IBAN: the first four behind the rest, letters as 10 to 35. */
export function mod97(iban: string): number {
  let r = 0;
  for (let i = 0; i < iban.length; i++) {
    const c = iban.charCodeAt((i + 4) % iban.length);
    r = c <= 57 ? (r * 10 + c - 48) % 97 : (r * 100 + c - 55) % 97;
  }
  return r;
}

/** Multiplication in the dihedral group D5, and Verhoeff's permutation (Verhoeff 1969). */
const times = (a: number, b: number): number =>
  a < 5 ? (b < 5 ? (a + b) % 5 : 5 + ((a + b - 5) % 5)) : b < 5 ? 5 + ((a - 5 - b + 5) % 5) : (a - b + 5) % 5;
const permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/** Verhoeff, the last digit being the check digit. */
export function verhoeff(s: string): boolean {
  let c = 0;
  for (let i = 0; i < s.length; i++) {
    let d = digit(s, s.length - 1 - i);
    for (let k = i % 8; k > 0; k--) d = permutation[d]!;
    c = times(c, d);
  }
  return c === 0;
}

/** Whether `yymmdd` could be a day: month 1 to 12, day 1 to that month's last (29 February always). */
export function isDay(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;
}
