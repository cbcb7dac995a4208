/**
 * A sum of doubles without rounding, so that it is the same in any order: digits of 32 bits over the whole range of a double, as in Kulisch's accumulator
 * (1971). Sketches need it because addition of doubles is not associative.
 */
import { watchErrors } from "../errors.ts";

/** Digits of 2^32 from 2^-1074 up, with room above the largest double for the sum of 2^53 of them. */
const digits = 68;
const base = 2 ** 32;
/** Additions after which a digit might pass 2^53. */
const additions = 2 ** 20;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
// which half of a double comes first in memory
double[0] = 1;
const [lowWord, highWord] = words[1] === 0 ? [1, 0] : [0, 1];

export class ExactSum {
  readonly #digits = new Float64Array(digits);
  #added = 0;

  /** `value` is finite. */
  add(value: number): void {
    if (value === 0) return;
    double[0] = value;
    const [low, high] = [words[lowWord]!, words[highWord]!];
    const exponent = (high >>> 20) & 0x7ff;
    const top = exponent === 0 ? high & 0xfffff : (high & 0xfffff) | 0x100000;
    const place = exponent === 0 ? 0 : exponent - 1;
    const [at, shift] = [place >>> 5, place & 31];
    const sign = value < 0 ? -1 : 1;
    this.#put(at, sign * ((low << shift) >>> 0));
    if (shift === 0) this.#put(at + 1, sign * top);
    else {
      this.#put(at + 1, sign * (((low >>> (32 - shift)) | (top << shift)) >>> 0));
      this.#put(at + 2, sign * (top >>> (32 - shift)));
    }
    if (++this.#added === additions) this.#carry();
  }

  /** Adds what `text` of another sum says. Errors: watch/sketch where it is none. */
  addText(text: string): void {
    const found = /^(-?)([0-9a-f]{1,552})@(\d{1,2})$/.exec(text);
    const first = Number(found?.[3]);
    const whole = found ? BigInt(`0x${found[2]}`) : 0n;
    let rest = whole;
    const sign = found?.[1] === "-" ? -1 : 1;
    this.#carry();
    for (let at = first; rest > 0n && at < digits; at++) {
      this.#put(at, sign * Number(rest & 0xffffffffn));
      rest >>= 32n;
    }
    if (!found || rest > 0n) throw watchErrors.fail("sketch", { place: "sketch", expected: "an exact sum", received: text.slice(0, 60) });
    this.#carry();
  }

  /** The nearest double, but for the last bit. */
  value(): number {
    const [sign, magnitude] = this.#magnitude();
    let sum = 0;
    for (let at = digits - 1; at >= 0; at--) {
      const scale = 32 * at - 1074;
      // a digit times its power, in two steps where the power alone is no double
      sum += scale > 900 ? magnitude[at]! * 2 ** 900 * 2 ** (scale - 900) : magnitude[at]! * 2 ** scale;
    }
    return sign * sum;
  }

  /** The one text of this sum: sign, hexadecimal digits, and the place of the lowest: `-1f4@33`. */
  text(): string {
    const [sign, magnitude] = this.#magnitude();
    const first = magnitude.findIndex(d => d !== 0);
    if (first < 0) return "0@0";
    let whole = 0n;
    for (let at = digits - 1; at >= first; at--) whole = (whole << 32n) | BigInt(magnitude[at]!);
    return `${sign < 0 ? "-" : ""}${whole.toString(16)}@${first}`;
  }

  #put(at: number, digit: number): void {
    this.#digits[at] = this.#digits[at]! + digit;
  }

  /** All digits but the last between 0 and 2^32. */
  #carry(): void {
    const own = this.#digits;
    let carried = 0;
    for (let at = 0; at < digits - 1; at++) {
      const digit = own[at]! + carried;
      carried = Math.floor(digit / base);
      own[at] = digit - carried * base;
    }
    own[digits - 1] = own[digits - 1]! + carried;
    this.#added = 0;
  }

  #magnitude(): [sign: 1 | -1, digits: Float64Array] {
    this.#carry();
    const own = this.#digits.slice();
    if (own[digits - 1]! >= 0) return [1, own];
    // two's complement
    let carried = 0;
    for (let at = 0; at < digits; at++) {
      const digit = carried - own[at]!;
      carried = at < digits - 1 ? Math.floor(digit / base) : 0;
      own[at] = digit - carried * base;
    }
    return [-1, own];
  }
}
