/**
 * Numbers within bounds, as automata over their digits: a decimal is compared with a bound place by place, so the bounds are exact. Written
 * without exponent and without leading zeros. A remainder is followed digit by digit: r' = (10 r + d) mod m.
 */
import { type Automaton, automatonOfExpression, intersect } from "../automaton.ts";
import type { CodePoints } from "../code-points.ts";
import { anyOf, choice, literalText, optionalText, type RegularExpression, range, repeatText, sequence } from "../expression.ts";
import { beyondAutomata } from "../refuse.ts";

interface NumberBounds {
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly multipleOf?: number | readonly number[] | undefined;
  readonly notMultipleOf?: readonly number[] | undefined;
  /** Each number has one spelling. */
  readonly isCanonical?: boolean;
}

const digit = range("0", "9");
const zero = literalText("0");
const natural = choice(zero, sequence(range("1", "9"), repeatText(digit, 0)));

/** JSON's integers without fraction and exponent, and without -0. */
export const integer: RegularExpression = choice(zero, sequence(optionalText(literalText("-")), range("1", "9"), repeatText(digit, 0)));
/** JSON's numbers. */
export const number: RegularExpression = sequence(
  optionalText(literalText("-")),
  natural,
  optionalText(sequence(literalText("."), repeatText(digit, 1))),
  optionalText(sequence(anyOf("eE"), optionalText(anyOf("+-")), repeatText(digit, 1))),
);
const decimal: RegularExpression = sequence(
  optionalText(literalText("-")),
  natural,
  optionalText(sequence(literalText("."), repeatText(digit, 1))),
);
/** One spelling of each: no exponent, no zeros at the end of a fraction. */
export const canonicalNumber: RegularExpression = choice(
  integer,
  sequence(optionalText(literalText("-")), natural, literalText("."), repeatText(digit, 0), range("1", "9")),
);

/** A number's shortest decimal form without exponent, as digits before and after the point. */
function decimalOf(x: number): { readonly isNegative: boolean; readonly whole: string; readonly fraction: string } {
  const [mantissa, power = "0"] = String(Math.abs(x)).split("e") as [string, string?];
  const [whole, fraction = ""] = mantissa.split(".") as [string, string?];
  const shift = Number(power);
  const all = whole + fraction;
  const point = whole.length + shift;
  const padded = point <= 0 ? "0".repeat(1 - point) + all : all.padEnd(point, "0");
  const cut = Math.max(point, 1);
  return {
    isNegative: x < 0,
    whole: padded.slice(0, cut).replace(/^0+(?=\d)/, ""),
    fraction: padded.slice(cut).replace(/0+$/, ""),
  };
}

type Relation = "less" | "equal" | "greater";

/** Decimals without sign whose relation to a bound is wanted. */
function compared(whole: string, fraction: string, wants: (r: Relation) => boolean): Automaton {
  const edges: { set: CodePoints; to: number }[][] = [];
  const ends = new Set<number>();
  const states = new Map<string, number>();
  const queue: string[] = [];
  const index = (key: string): number => {
    let i = states.get(key);
    if (i === undefined) {
      i = queue.push(key) - 1;
      states.set(key, i);
    }
    return i;
  };
  const order = (d: number, bound: string): Relation => (d < Number(bound) ? "less" : d > Number(bound) ? "greater" : "equal");
  // w: digits of the whole part read (one more than the bound's at most), relation so far; f: digits of the fraction read
  index("w 0 equal");
  for (let q = 0; q < queue.length; q++) {
    const [part, n, r] = queue[q]!.split(" ") as [string, string, Relation];
    const at = Number(n);
    const out: { set: CodePoints; to: number }[] = [];
    const perDigit = (to: (d: number) => string): void => {
      // digits that lead to one state are one edge
      for (let d = 0, next = 1; d < 10; d = next++) {
        while (next < 10 && to(next) === to(d)) next++;
        out.push({ set: [[48 + d, 47 + next]], to: index(to(d)) });
      }
    };
    if (part === "w") {
      const isZero = at === 1 && r.endsWith("!");
      const relation = r.replace("!", "") as Relation;
      // fewer digits are less, more are greater
      const whole1: Relation = at < whole.length ? "less" : at > whole.length ? "greater" : relation;
      const final: Relation = whole1 !== "equal" ? whole1 : fraction === "" ? "equal" : "less";
      if (at > 0) {
        if (wants(final)) ends.add(q);
        out.push({ set: [[46, 46]], to: index(`p 0 ${whole1}`) });
      }
      if (!isZero)
        perDigit(d => {
          const next: Relation = at >= whole.length ? "greater" : relation === "equal" ? order(d, whole[at]!) : relation;
          return `w ${Math.min(at + 1, whole.length + 1)} ${next}${at === 0 && d === 0 ? "!" : ""}`;
        });
    } else {
      const final: Relation = r !== "equal" ? r : at >= fraction.length ? "equal" : "less";
      if (part === "f" && wants(final)) ends.add(q);
      perDigit(d => {
        const next: Relation = r !== "equal" ? r : at < fraction.length ? order(d, fraction[at]!) : d > 0 ? "greater" : "equal";
        return `f ${next === "equal" ? Math.min(at + 1, fraction.length) : 0} ${next}`;
      });
    }
    edges.push(out);
  }
  return { edges, ends };
}

/** Numbers with a sign on one side of a bound. */
function bounded(bound: number, side: "above" | "below", isExclusive: boolean): Automaton {
  const { isNegative, whole, fraction } = decimalOf(bound);
  const fits = (r: Relation): boolean => (r === "equal" ? !isExclusive : true);
  const never: Automaton = { edges: [[]], ends: new Set() };
  const always = compared("0", "", () => true);
  // magnitudes without sign, and those behind a minus
  const isZero = bound === 0;
  let plain: Automaton;
  let minus: Automaton;
  if (side === "above") {
    plain = isNegative ? always : compared(whole, fraction, r => r === "greater" || (r === "equal" && fits(r)));
    minus = isNegative ? compared(whole, fraction, r => r === "less" || (r === "equal" && fits(r))) : never;
  } else {
    plain = isNegative ? never : compared(whole, fraction, r => r === "less" || (r === "equal" && fits(r)));
    minus = isNegative ? compared(whole, fraction, r => r === "greater" || (r === "equal" && fits(r))) : always;
    if (isZero) minus = compared("0", "", r => r === "greater" || fits(r));
  }
  // one automaton: state 0 chooses, the two follow behind it
  const shift = (a: Automaton, by: number) => a.edges.map(out => out.map(({ set, to }) => ({ set, to: to + by })));
  const first = 1;
  const second = first + plain.edges.length;
  return {
    edges: [
      [...plain.edges[0]!.map(({ set, to }) => ({ set, to: to + first })), { set: [[45, 45]] as CodePoints, to: second }],
      ...shift(plain, first),
      ...shift(minus, second),
    ],
    ends: new Set([...[...plain.ends].map(i => i + first), ...[...minus.ends].map(i => i + second)]),
  };
}

/** Remainders that are followed: a state each. */
const mostRemainders = 5000;

/**
 * Decimals that are multiples of `of`, or that are not, with their fraction. With of = p / 10^k, x is a multiple where x 10^k is whole and p
 * divides it; digits behind the k-th must be zeros.
 */
function multiples(of: number, isMultiple: boolean, hasFraction: boolean, place: string): Automaton {
  const { whole, fraction } = decimalOf(of);
  const p = Number(whole + fraction);
  const k = fraction.length;
  if (p > mostRemainders || k > 30)
    throw beyondAutomata(
      place,
      `a number of which at most ${mostRemainders} remainders are followed`,
      String(of),
      "Check the number afterwards.",
    );
  const indices = new Map<string, number>();
  const queue: string[] = [];
  const index = (key: string): number => {
    const known = indices.get(key);
    if (known !== undefined) return known;
    indices.set(key, queue.length);
    return queue.push(key) - 1;
  };
  const shifted = (r: number, by: number): number => {
    let out = r;
    for (let i = 0; i < by; i++) out = (out * 10) % p;
    return out;
  };
  const edges: { set: CodePoints; to: number }[][] = [];
  const ends = new Set<number>();
  const digits = (to: (d: number) => string) =>
    Array.from({ length: 10 }, (_, d) => ({ set: [[48 + d, 48 + d]] as CodePoints, to: index(to(d)) }));
  // b: nothing; s: a sign; w r: whole digits; f j r: j digits behind the point; x: not a multiple whatever comes
  index("b");
  for (let q = 0; q < queue.length; q++) {
    const [part, a = "0", b = "0"] = queue[q]!.split(" ") as [string, string?, string?];
    if (part === "b" || part === "s")
      edges.push([...digits(d => `w ${d % p}`), ...(part === "b" ? [{ set: [[45, 45]] as CodePoints, to: index("s") }] : [])]);
    else if (part === "w") {
      const r = Number(a);
      if ((shifted(r, k) === 0) === isMultiple) ends.add(q);
      edges.push([
        ...digits(d => `w ${(10 * r + d) % p}`),
        ...(hasFraction ? [{ set: [[46, 46]] as CodePoints, to: index(`f 0 ${r}`) }] : []),
      ]);
    } else if (part === "f") {
      const [j, r] = [Number(a), Number(b)];
      if (j > 0 && (shifted(r, k - j) === 0) === isMultiple) ends.add(q);
      edges.push(digits(d => (j < k ? `f ${j + 1} ${(10 * r + d) % p}` : d > 0 ? "x" : `f ${Math.max(k, 1)} ${r}`)));
    } else {
      if (!isMultiple) ends.add(q);
      edges.push(digits(() => "x"));
    }
  }
  return { edges, ends };
}

const listOf = (v: number | readonly number[] | undefined): readonly number[] => (v === undefined ? [] : typeof v === "number" ? [v] : v);

/** How numbers with conditions are written: multiples with as many digits behind the point as all of their steps have. */
function formOf(kind: "integer" | "number", steps: readonly number[], isCanonical: boolean): RegularExpression {
  if (kind === "integer" || steps.some(Number.isSafeInteger)) return integer;
  const places = Math.min(...steps.map(s => decimalOf(s).fraction.length));
  if (isCanonical) return canonicalNumber;
  if (places === Number.POSITIVE_INFINITY) return decimal;
  return sequence(optionalText(literalText("-")), natural, optionalText(sequence(literalText("."), repeatText(digit, 1, places))));
}

/** The automaton of integers or decimals within bounds. Errors: text/constraint at `place`, beyond automata where it is too large. */
export function boundedNumber(kind: "integer" | "number", bounds: NumberBounds, place: string): Automaton {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, notMultipleOf, isCanonical = false } = bounds;
  const steps = listOf(multipleOf);
  const isWhole = kind === "integer" || steps.some(Number.isSafeInteger);
  // of 0.1, 0.01 and so on the form says all
  const isSaid = (s: number): boolean => !isWhole && !isCanonical && steps.length === 1 && /^0*1$/.test(decimalOf(s).fraction) && s < 1;
  const conditions: Automaton[] = steps.filter(s => !isSaid(s)).map(s => multiples(s, true, !isWhole, `${place}/multipleOf`));
  for (const s of listOf(notMultipleOf)) conditions.push(multiples(s, false, !isWhole, `${place}/multipleOf`));
  if (minimum !== undefined) conditions.push(bounded(minimum, "above", false));
  if (exclusiveMinimum !== undefined) conditions.push(bounded(exclusiveMinimum, "above", true));
  if (maximum !== undefined) conditions.push(bounded(maximum, "below", false));
  if (exclusiveMaximum !== undefined) conditions.push(bounded(exclusiveMaximum, "below", true));
  return intersect([automatonOfExpression(formOf(kind, steps, isCanonical), place), ...conditions], place);
}
