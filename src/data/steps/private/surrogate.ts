/**
 * Surrogates: values of the same form that are nobody's, the same for the same entity. A keyed hash (HMAC-SHA-256 of type and entity)
 * chooses within ranges reserved for it where there are any: example.org, 555-01xx, documentation networks, test issuers, the SSNs that
 * are never assigned. Whoever lacks the seed cannot find the value by trying all.
 */
import { createHmac } from "node:crypto";
import { testIssuers } from "./card.ts";
import { luhn } from "./check-digits.ts";
import { entityOf } from "./entity.ts";
import type { PrivateSpan } from "./types.ts";

/** Draws of one entity: uniform enough, without end. */
interface Draws {
  below(n: number): number;
  of(list: readonly string[]): string;
  digits(n: number): string;
}

function draws(seed: string, purpose: string): Draws {
  let block = Buffer.alloc(0);
  let at = 0;
  let round = 0;
  const below = (n: number): number => {
    if (at + 4 > block.length) {
      block = createHmac("sha256", seed).update(`${round++}\0${purpose}`).digest();
      at = 0;
    }
    at += 4;
    return block.readUInt32BE(at - 4) % n;
  };
  return { below, of: list => list[below(list.length)]!, digits: n => Array.from({ length: n }, () => below(10)).join("") };
}

const given =
  "alex sam robin jamie taylor morgan casey jordan avery riley quinn rowan sasha andrea kim lee noel dana pat chris toni mika jules remy ariel marin sidney dominique jean kai luca noor".split(
    " ",
  );
const family =
  "field brook hill wood stone lake rivers marsh forest glen dale ford north west winter summer may green gray white baker carter cooper fisher mason miller porter potter sawyer tanner turner weaver".split(
    " ",
  );
const towns =
  "Northfield Westbrook Stonehill Lakewood Marshton Glenford Riverdale Fairmeadow Oakhaven Millbridge Ashcombe Elmstead Brightwater Kingsmoor Redcliff Silverlake".split(
    " ",
  );
const capital = (s: string): string => s[0]!.toUpperCase() + s.slice(1);

/** Writes digits into the digits of a form, or as they are where it has another number of them. */
function written(form: string, digits: string, otherwise: string): string {
  if (form.replace(/\D/g, "").length !== digits.length) return otherwise;
  let i = 0;
  return form.replace(/\d/g, () => digits[i++]!);
}

/** The check digit that makes Luhn hold. */
const withLuhn = (body: string): string => body + [..."0123456789"].find(d => luhn(body + d));

/** Every letter and digit replaced by another of its class. */
const scrambled = (value: string, d: Draws): string =>
  value.replace(/[A-Za-z0-9]/g, c => (/\d/.test(c) ? String(d.below(10)) : String.fromCharCode((c <= "Z" ? 65 : 97) + d.below(26))));

function phone(value: string, kind: string | undefined, d: Draws): string {
  if (kind === "GB") {
    const national = `1632960${d.digits(3)}`;
    return value.startsWith("+") ? `+44 ${national.slice(0, 4)} ${national.slice(4)}` : `01632 ${national.slice(4)}`;
  }
  if (kind === "FR") {
    const [a, b] = [d.digits(2), d.digits(2)];
    return value.startsWith("+") ? `+33 1 99 00 ${a} ${b}` : `01 99 00 ${a} ${b}`;
  }
  // Area codes of the United States, so that the number is valid in form.
  const area = d.of(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253 254 256 260 262 267 269 270".split(
      " ",
    ),
  );
  const tail = `01${d.digits(2)}`;
  const abroad = kind !== "US" && kind !== "CA";
  const national = `${area}555${tail}`;
  const plain = `${area}-555-${tail}`;
  if (abroad) return `+1 ${plain}`;
  return written(value, value.replace(/\D/g, "").length === 11 ? `1${national}` : national, value.startsWith("+") ? `+1 ${plain}` : plain);
}

function candidate({ type, kind }: PrivateSpan, value: string, d: Draws): string | undefined {
  switch (type) {
    case "email":
      return `${d.of(given)}.${d.of(family)}${d.digits(4)}@example.org`;
    case "phone":
      return phone(value, kind, d);
    case "card": {
      const length = value.replace(/\D/g, "").length === 15 ? 15 : 16;
      const digits = withLuhn(testIssuers[length] + d.digits(length - 7));
      return written(value, digits, digits);
    }
    case "iban":
      // 00 is no check digit that mod 97 can give.
      return value.slice(0, 2) + value.slice(2).replace(/[A-Za-z0-9]/g, (c, i: number) => (i < 2 ? "0" : scrambled(c, d)));
    case "nationalId":
      if (kind === "us-ssn" || kind === "us-itin") return written(value, `9${d.digits(2)}0${1 + d.below(9)}${d.digits(4)}`, value);
      return scrambled(value, d);
    case "ip":
    case "ipReserved":
      if (value.includes(":"))
        return `2001:db8:${d.below(65536).toString(16)}:${d.below(65536).toString(16)}::${(1 + d.below(65535)).toString(16)}`;
      return `${d.of(["192.0.2", "198.51.100", "203.0.113"])}.${1 + d.below(254)}`;
    case "urlCredentials":
      return `${d.of(given)}:EXAMPLE${d.digits(8)}`;
    case "secret": {
      const prefix = /^(?:[A-Za-z]{2,10}[-_]){1,2}|^AKIA|^ASIA|^AIza|^eyJ|^SG\./.exec(value)?.[0] ?? "";
      return `${prefix}EXAMPLE${scrambled(value.slice(prefix.length + 7), d)}`;
    }
    case "name":
      return value.includes(" ") ? `${capital(d.of(given))} ${capital(d.of(family))}` : capital(d.of(given));
    case "place":
      return d.of(towns);
    case "privateKey":
      return undefined;
  }
}

/** Draws tried until one is nobody's; a form of few digits fails one in ten. */
const maxDraws = 64;

/**
 * Another value in the place of a found one; undefined where there is no form to keep (private keys) or none was nobody's. `isClean` says
 * whether a value would not be found again.
 */
export function surrogate(span: PrivateSpan, value: string, seed: string, isClean: (value: string) => boolean): string | undefined {
  const d = draws(seed, `${span.type}\0${entityOf(span, value)}`);
  for (let i = 0; i < maxDraws; i++) {
    const made = candidate(span, value, d);
    if (made === undefined || isClean(made)) return made;
  }
  return undefined;
}
