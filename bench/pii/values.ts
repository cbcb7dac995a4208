/**
 * Valid values of every type, drawn at random, and the rules by which they get their check digits: written apart from the detectors, by
 * construction (solving for the digit) where those verify, so that the two can be held against each other.
 */
import { type Random, random } from "../../src/base/index.ts";

export const digitsOf = (r: Random, n: number): string => Array.from({ length: n }, () => r.below(10)).join("");
export const pick = <T>(r: Random, list: readonly T[]): T => list[r.below(list.length)]!;
export const chars = (r: Random, n: number, alphabet: string): string =>
  Array.from({ length: n }, () => alphabet[r.below(alphabet.length)]).join("");
const two = (n: number): string => String(n).padStart(2, "0");
const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const alnum = `${upper}${upper.toLowerCase()}0123456789`;

/** Draws until a maker gives something. */
function until<T>(make: () => T | undefined): T {
  for (;;) {
    const made = make();
    if (made !== undefined) return made;
  }
}

/** Luhn by the table of doubled digits. */
export function luhnDigit(body: string): string {
  const doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
  const sum = [...body].reverse().reduce((s, c, i) => s + (i % 2 === 0 ? doubled[Number(c)]! : Number(c)), 0);
  return String((1000 - sum) % 10);
}

/** Beginnings and lengths of cards by network. */
const networks: readonly { readonly begin: (r: Random) => string; readonly length: number }[] = [
  { begin: r => `4${1 + r.below(9)}`, length: 16 },
  { begin: r => `5${1 + r.below(5)}`, length: 16 },
  { begin: r => String(2221 + r.below(500)), length: 16 },
  { begin: r => pick(r, ["34", "37"]) + String(1 + r.below(9)), length: 15 },
  { begin: r => pick(r, ["6011", "644", "65"]) + String(1 + r.below(9)), length: 16 },
  { begin: r => `35${28 + r.below(62)}`, length: 16 },
];
export function cardDigits(r: Random): string {
  const { begin, length } = pick(r, networks);
  const start = begin(r);
  const body = start + digitsOf(r, length - 1 - start.length);
  return body + luhnDigit(body);
}
export function cardWritten(r: Random, d: string): string {
  const by = pick(r, ["", "", " ", "-"]);
  return d.length === 15 ? [d.slice(0, 4), d.slice(4, 10), d.slice(10)].join(by) : d.replace(/(\d{4})(?=\d)/g, `$1${by}`);
}

/** Bank account parts by country: letters A, digits 9, both X. */
const banks: readonly (readonly [string, string])[] = [
  ["DE", "999999999999999999"],
  ["GB", "AAAA99999999999999"],
  ["FR", "9999999999XXXXXXXXXXX99"],
  ["NL", "AAAA9999999999"],
  ["ES", "99999999999999999999"],
  ["IT", "A9999999999XXXXXXXXXXXX"],
  ["PL", "999999999999999999999999"],
  ["BE", "999999999999"],
  ["CH", "99999XXXXXXXXXXXX"],
  ["AT", "9999999999999999"],
];
export function ibanValue(r: Random): string {
  const [country, form] = pick(r, banks);
  const bban = form.replace(/./g, c =>
    c === "9" ? String(r.below(10)) : c === "A" ? pick(r, [...upper]) : pick(r, [...upper, ..."0123456789"]),
  );
  const number = BigInt(`${bban}${country}00`.replace(/[A-Z]/g, c => String(upper.indexOf(c) + 10)));
  return country + String(98n - (number % 97n)).padStart(2, "0") + bban;
}
export const inFours = (s: string): string => s.replace(/(.{4})(?=.)/g, "$1 ");

const day = (r: Random): { y: number; m: number; d: number } => ({ y: r.below(100), m: 1 + r.below(12), d: 1 + r.below(28) });
const weightedSum = (s: string, w: readonly number[]): number => w.reduce((sum, x, i) => sum + x * Number(s[i]), 0);

export const ssnDigits = (r: Random): string =>
  `${until(() => {
    const a = 1 + r.below(899);
    return a === 666 ? undefined : String(a).padStart(3, "0");
  })}${two(1 + r.below(99))}${String(1 + r.below(9999)).padStart(4, "0")}`;
export const nhsDigits = (r: Random): string =>
  until(() => {
    const b = digitsOf(r, 9);
    const c = 11 - (weightedSum(b, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
    return c === 10 ? undefined : b + (c === 11 ? 0 : c);
  });
export const ninoValue = (r: Random): string =>
  until(() => {
    const p = chars(r, 1, "ABCEGHJKLMNOPRSTWXYZ") + chars(r, 1, "ABCEGHJKLMNPRSTWXYZ");
    return ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].includes(p) ? undefined : p + digitsOf(r, 6) + chars(r, 1, "ABCD");
  });
export function taxIdDigits(r: Random): string {
  // Nine different digits, one of them twice, not 0 first.
  const order = [...r.permutation(10)].slice(0, 9);
  order.push(order[r.below(9)]!);
  const ten = until(() => {
    const shuffled = [...r.permutation(10)].map(i => order[i]!);
    return shuffled[0] === 0 ? undefined : shuffled.join("");
  });
  let product = 10;
  for (const c of ten) {
    const sum = (Number(c) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return ten + String((11 - product) % 10);
}
export const dniValue = (r: Random): string => {
  const d = digitsOf(r, 8);
  return d + "TRWAGMYFPDXBNJZSQVHLCKE"[Number(d) % 23];
};
export const nieValue = (r: Random): string => {
  const [k, d] = [r.below(3), digitsOf(r, 7)];
  return "XYZ"[k] + d + "TRWAGMYFPDXBNJZSQVHLCKE"[Number(k + d) % 23];
};
const oddPlaces: Readonly<Record<string, number>> = {
  A: 1,
  B: 0,
  C: 5,
  D: 7,
  E: 9,
  F: 13,
  G: 15,
  H: 17,
  I: 19,
  J: 21,
  K: 2,
  L: 4,
  M: 18,
  N: 20,
  O: 11,
  P: 3,
  Q: 6,
  R: 8,
  S: 12,
  T: 14,
  U: 16,
  V: 10,
  W: 22,
  X: 25,
  Y: 24,
  Z: 23,
  0: 1,
  1: 0,
  2: 5,
  3: 7,
  4: 9,
  5: 13,
  6: 15,
  7: 17,
  8: 19,
  9: 21,
};
export function codiceValue(r: Random): string {
  const { y, m, d } = day(r);
  const body =
    chars(r, 6, "BCDFGLMNPRSTVZ") +
    two(y) +
    "ABCDEHLMPRST"[m - 1] +
    two(d + 40 * r.below(2)) +
    chars(r, 1, "ABCDEFGHIL") +
    String(1 + r.below(999)).padStart(3, "0");
  const sum = [...body].reduce((s, c, i) => s + (i % 2 === 0 ? oddPlaces[c]! : /\d/.test(c) ? Number(c) : upper.indexOf(c)), 0);
  return body + upper[sum % 26];
}
export function nirDigits(r: Random): string {
  const { y, m } = day(r);
  const body = `${1 + r.below(2)}${two(y)}${two(m)}${two(1 + r.below(95))}${String(1 + r.below(990)).padStart(3, "0")}${String(1 + r.below(999)).padStart(3, "0")}`;
  return body + String(97n - (BigInt(body) % 97n)).padStart(2, "0");
}
export const bsnDigits = (r: Random): string =>
  until(() => {
    const b = String(1 + r.below(9)) + digitsOf(r, 7);
    const c = weightedSum(b, [9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    return c === 10 ? undefined : b + c;
  });
export function peselDigits(r: Random): string {
  const { y, m, d } = day(r);
  const body = two(y) + two(m + pick(r, [0, 20])) + two(d) + digitsOf(r, 4);
  return body + String((10 - (weightedSum(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10);
}
export const cpfDigits = (r: Random): string =>
  until(() => {
    const b = digitsOf(r, 9);
    if (new Set(b).size === 1) return undefined;
    const check = (s: string): number => {
      const rest = [...s].reduce((sum, c, i) => sum + Number(c) * (s.length + 1 - i), 0) % 11;
      return rest < 2 ? 0 : 11 - rest;
    };
    const one = b + check(b);
    return one + check(one);
  });
/** Verhoeff by its published tables. */
const D = [
  "0123456789",
  "1234067895",
  "2340178956",
  "3401289567",
  "4012395678",
  "5987604321",
  "6598710432",
  "7659821043",
  "8765932104",
  "9876543210",
];
const P = ["0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"];
const inverse = "0432156789";
export function aadhaarDigits(r: Random): string {
  const body = String(2 + r.below(8)) + digitsOf(r, 10);
  let c = 0;
  [...body].reverse().forEach((x, i) => {
    c = Number(D[c]![Number(P[(i + 1) % 8]![Number(x)])]);
  });
  return body + inverse[c];
}
export function ahvDigits(r: Random): string {
  const body = `756${digitsOf(r, 9)}`;
  return body + String((10 - (weightedSum(body, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]) % 10)) % 10);
}

const people =
  "anna ben carla david elena felix grace hugo ines jonas klara liam maria nils olga paul rosa simon tara victor wendy xavier yara zoe".split(
    " ",
  );
const surnames = "schmidt okafor rossi dubois garcia novak jansen silva patel kim larsen cohen murphy tanaka weber moreau".split(" ");
const hosts =
  "gmail.com outlook.com web.de orange.fr mail.ru proton.me yahoo.co.uk corp.acme-labs.com uni-bonn.de edu.umich.edu mx.nordea.se company.io telekom.hu libero.it uol.com.br".split(
    " ",
  );
export const emailValue = (r: Random): string => {
  const [a, b] = [pick(r, people), pick(r, surnames)];
  return `${pick(r, [`${a}.${b}`, `${a[0]}${b}`, `${a}_${b}${r.below(100)}`, `${a}+news`, `${a}-${b}`, `${b}${r.below(1000)}`, `${a.toUpperCase()}.${b}`])}@${pick(r, hosts)}`;
};

export function publicIpv4(r: Random): string {
  // Blocks that are routed, none of them special.
  return `${pick(r, [8, 23, 34, 52, 62, 81, 93, 104, 130, 142, 151, 185, 195, 212])}.${r.below(256)}.${r.below(256)}.${1 + r.below(254)}`;
}
export function publicIpv6(r: Random): string {
  const w = () => (1 + r.below(65535)).toString(16);
  return pick(r, [
    () => `2a00:${w()}:${w()}:${w()}:${w()}:${w()}:${w()}:${w()}`,
    () => `2a02:${w()}:${w()}::${w()}`,
    () => `2607:f8b0:${w()}:${w()}::${w()}`,
  ])();
}

/** National numbers that are dialled in the regions both sides know: the United States, Britain, Germany, France, India, Brazil. */
export function phoneWritten(r: Random): string {
  const d = (n: number) => digitsOf(r, n);
  const n = () => String(2 + r.below(7));
  const us = () => {
    const area = pick(r, ["212", "312", "415", "617", "713", "808", "305", "206"]);
    const exchange = `${n()}${pick(r, ["2", "3", "4", "6", "7", "8"])}${n()}`;
    return [area, exchange, d(4)] as const;
  };
  return pick(r, [
    () => (([a, b, c]) => `(${a}) ${b}-${c}`)(us()),
    () => (([a, b, c]) => `${a}-${b}-${c}`)(us()),
    () => (([a, b, c]) => `${a}.${b}.${c}`)(us()),
    () => (([a, b, c]) => `+1 ${a} ${b} ${c}`)(us()),
    () => (([a, b, c]) => `+1-${a}-${b}-${c}`)(us()),
    () => (([a, b, c]) => `1-${a}-${b}-${c}`)(us()),
    () => (([a, b, c]) => `${a}${b}${c}`)(us()),
    () => `+44 20 7${pick(r, ["1", "2", "3", "4", "6", "8"])}${d(2)} ${d(4)}`,
    () => `020 7${pick(r, ["1", "2", "3", "4", "6", "8"])}${d(2)} ${d(4)}`,
    () => `07${pick(r, ["4", "5", "8"])}${d(2)} ${d(6)}`,
    () => `+44 7${pick(r, ["4", "5", "8"])}${d(2)} ${d(6)}`,
    () => `+49 30 ${n()}${d(7)}`,
    () => `+49 (0)89 ${n()}${d(6)}`,
    () => `030 ${n()}${d(6)}`,
    () => `0${pick(r, ["151", "160", "171", "175"])} ${n()}${d(6)}`,
    () => `+33 ${pick(r, ["1", "4", "6"])} ${n()}${d(1)} ${d(2)} ${d(2)} ${d(2)}`,
    () => `0${pick(r, ["1", "4", "6"])} ${n()}${d(1)} ${d(2)} ${d(2)} ${d(2)}`,
    () => `06.${n()}${d(1)}.${d(2)}.${d(2)}.${d(2)}`,
    () => `+91 98${d(3)} ${d(5)}`,
    () => `+55 11 9${n()}${d(3)}-${d(4)}`,
    () => `(11) 9${n()}${d(3)}-${d(4)}`,
  ])();
}

export const secretValue = (r: Random): string =>
  pick(r, [
    () => `AKIA${chars(r, 16, `${upper}234567`)}`,
    () => `ghp_${chars(r, 36, alnum)}`,
    () => `xoxb-${digitsOf(r, 12)}-${digitsOf(r, 12)}-${chars(r, 24, alnum)}`,
    () => `sk_live_${chars(r, 24, alnum)}`,
    () => `AIza${chars(r, 35, `${alnum}-_`)}`,
    () => `sk-${chars(r, 48, alnum)}`,
    () => `glpat-${chars(r, 20, alnum)}`,
    () => `eyJ${chars(r, 33, alnum)}.eyJ${chars(r, 60, alnum)}.${chars(r, 43, `${alnum}-_`)}`,
  ])();
/** A password as a manager makes it: letters of both cases and at least two digits. */
export const passwordValue = (r: Random): string => `${chars(r, 9 + r.below(8), alnum)}${digitsOf(r, 2)}${chars(r, 2, alnum)}`;
export const urlLogin = (r: Random): string => `${pick(r, people)}:${passwordValue(r)}`;
export const fromSeed = (seed: number | string): Random => random(seed);
