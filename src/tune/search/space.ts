/**
 * What a search may choose: numbers in a range (on a line or a logarithm, whole or in steps) and options. A parameter with `when` is chosen only
 * where another one has a value that is named.
 */
import { check, type Json } from "../../base/index.ts";
import { tuneErrors } from "../errors.ts";
import { type ChoiceParameter, type Parameter, spaceSchema } from "./space-options.ts";

export type Space = Readonly<Record<string, Parameter>>;

/** Values of the parameters that are active. */
export type Point = Readonly<Record<string, Json>>;

export const isChoice = (p: Parameter): p is ChoiceParameter => "options" in p;

const failIn =
  (place: string) =>
  (name: string, expected: string, received: unknown): never => {
    throw tuneErrors.fail("space", { place: `${place}.${name}`, expected, received: JSON.stringify(received) });
  };

/**
 * A space from what a file says: `[a, b]` are options, `{ from, to, log?, integer?, step? }` is a range, `when: { other: [values] }` a condition.
 * Errors: base/config, tune/space.
 */
export function parseSpace(raw: unknown, place = "space"): Space {
  const space = check(spaceSchema, raw, place) as Space;
  const fail = failIn(place);
  const names = Object.keys(space);
  if (names.length === 0) throw tuneErrors.fail("space", { place, expected: "a parameter or more", received: "none" });
  for (const [i, name] of names.entries()) {
    const p = space[name]!;
    for (const [other, values] of Object.entries(p.when ?? {})) {
      if (!names.slice(0, i).includes(other)) fail(`${name}.when`, "a parameter that stands above it", other);
      const parent = space[other]!;
      for (const value of values)
        if (isChoice(parent) ? indexOf(parent, value) < 0 : typeof value !== "number")
          fail(`${name}.when.${other}`, "values that it can have", value);
    }
    if (isChoice(p)) {
      if (new Set(p.options.map(o => JSON.stringify(o))).size < p.options.length) fail(name, "different options", p.options);
      continue;
    }
    if (!(p.from < p.to)) fail(name, "from below to", { from: p.from, to: p.to });
    if (p.log && p.from <= 0) fail(name, "from above 0, since log is set", p.from);
    if (p.log && p.step !== undefined) fail(name, "log or step, not both", p.step);
    if (p.integer && !(Number.isInteger(p.from) && Number.isInteger(p.to) && Number.isInteger(p.step ?? 1)))
      fail(name, "whole numbers, since integer is set", { from: p.from, to: p.to, step: p.step });
    if (p.step !== undefined && p.step > p.to - p.from) fail(name, "a step within the range", p.step);
  }
  return space;
}

export const indexOf = (p: ChoiceParameter, value: Json): number => {
  const wanted = JSON.stringify(value);
  return p.options.findIndex(o => JSON.stringify(o) === wanted);
};

/** Whether a parameter is chosen at all, given those above it. */
export const isActive = (p: Parameter, above: Point): boolean =>
  Object.entries(p.when ?? {}).every(
    ([other, values]) => other in above && values.some(v => JSON.stringify(v) === JSON.stringify(above[other])),
  );

/** How many values a parameter has; infinite where it is a real number. */
export function valueCount(p: Parameter): number {
  if (isChoice(p)) return p.options.length;
  const step = p.step ?? (p.integer ? 1 : undefined);
  return step === undefined ? Number.POSITIVE_INFINITY : Math.floor((p.to - p.from) / step + 1e-9) + 1;
}

/**
 * A value from a place in [0, 1]: equal shares of it for each value of a parameter with finitely many (so that the ends are as likely as the
 * rest), a line or a logarithm otherwise.
 */
export function valueAt(p: Parameter, place: number): Json {
  const at = Math.min(1, Math.max(0, place));
  if (isChoice(p)) return p.options[Math.min(p.options.length - 1, Math.floor(at * p.options.length))]!;
  if (p.log) {
    const [low, high] = p.integer ? [p.from - 0.5, p.to + 0.5] : [p.from, p.to];
    const value = Math.exp(Math.log(low) + at * (Math.log(high) - Math.log(low)));
    return Math.min(p.to, Math.max(p.from, p.integer ? Math.round(value) : Number(value.toPrecision(12))));
  }
  const size = valueCount(p);
  if (size === Number.POSITIVE_INFINITY) return p.from + at * (p.to - p.from);
  const step = p.step ?? 1;
  const value = p.from + step * Math.min(size - 1, Math.floor(at * size));
  // 0.1 * 3 is not 0.3: steps are shown as they were written
  return p.integer ? value : Number(value.toPrecision(12));
}

/** The middle of the places in [0, 1] that give a value. */
export function placeOf(p: Parameter, value: Json): number {
  if (isChoice(p)) return (indexOf(p, value) + 0.5) / p.options.length;
  const v = value as number;
  if (p.log) {
    const [low, high] = p.integer ? [p.from - 0.5, p.to + 0.5] : [p.from, p.to];
    return (Math.log(v) - Math.log(low)) / (Math.log(high) - Math.log(low));
  }
  const size = valueCount(p);
  if (size === Number.POSITIVE_INFINITY) return (v - p.from) / (p.to - p.from);
  return (Math.round((v - p.from) / (p.step ?? 1)) + 0.5) / size;
}

/** A point from one place for each parameter, active or not, in the order of the space. */
export function pointAt(space: Space, places: ArrayLike<number>): Point {
  const point: Record<string, Json> = {};
  for (const [i, [name, p]] of Object.entries(space).entries()) if (isActive(p, point)) point[name] = valueAt(p, places[i]!);
  return point;
}

/** Places of a point; the middle where a parameter is not active. */
export const placesOf = (space: Space, point: Point): Float64Array =>
  Float64Array.from(Object.entries(space), ([name, p]) => (name in point ? placeOf(p, point[name]!) : 0.5));

/** Whether a point is one of a space: each active parameter has a value of its own, and no other is there. Errors: tune/space. */
export function checkPoint(space: Space, point: Point): void {
  const fail = failIn("space");
  const above: Record<string, Json> = {};
  for (const [name, p] of Object.entries(space)) {
    if (!isActive(p, above)) {
      if (name in point) fail(name, "no value, since its condition does not hold", point[name]);
      continue;
    }
    if (!(name in point)) fail(name, "a value", undefined);
    const value = point[name]!;
    if (
      isChoice(p)
        ? indexOf(p, value) < 0
        : !(typeof value === "number" && value >= p.from && value <= p.to && (!p.integer || Number.isInteger(value)))
    )
      fail(
        name,
        isChoice(p) ? `one of ${JSON.stringify(p.options)}` : `a ${p.integer ? "whole " : ""}number from ${p.from} to ${p.to}`,
        value,
      );
    above[name] = value;
  }
  for (const name of Object.keys(point)) if (!(name in space)) fail(name, `one of ${Object.keys(space).join(", ")}`, point[name]);
}
