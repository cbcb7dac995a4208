/** Shape arithmetic: broadcasting, axes, strides, and checks that speak in symbolic names. */
import { tensorErrors } from "./errors.ts";

export type Shape = readonly number[];

export const showShape = (shape: Shape): string => (Array.isArray(shape) ? `[${shape.map(String).join(", ")}]` : String(typeof shape));
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** NumPy's broadcasting: aligned at the right, ones stretch. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(...shapes.map(s => s.length));
  return Array.from({ length: rank }, (_, i) => {
    let size = 1;
    for (const s of shapes) {
      const d = s[s.length - rank + i] ?? 1;
      if (d !== 1 && size !== 1 && d !== size)
        throw tensorErrors.fail("shape", {
          place: op,
          expected: "shapes that broadcast (equal from the right, or 1)",
          received: shapes.map(showShape).join(" and "),
          hint: `Axis ${i - rank} has ${size} against ${d}.`,
        });
      if (d !== 1) size = d;
    }
    return size;
  });
}

/** An axis in [0, rank), negative ones counted from the end. */
export function normalAxis(op: string, axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || a < 0 || a >= rank)
    throw tensorErrors.fail("attribute", { place: op, expected: `an axis in [${-rank}, ${rank - 1}]`, received: `${axis}` });
  return a;
}

export function normalAxes(op: string, axes: readonly number[], rank: number): number[] {
  if (!Array.isArray(axes)) throw tensorErrors.fail("attribute", { place: op, expected: "a list of axes", received: typeof axes });
  const normal = axes.map(a => normalAxis(op, a, rank)).sort((a, b) => a - b);
  if (new Set(normal).size !== normal.length)
    throw tensorErrors.fail("attribute", { place: op, expected: "each axis once", received: `[${axes.join(", ")}]` });
  return normal;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let s = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = s;
    s *= shape[i]!;
  }
  return strides;
}

/** Shape after reducing `axes`. */
export const reducedShape = (shape: Shape, axes: readonly number[], keep: boolean): number[] =>
  keep ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));

/**
 * Checks a shape against a pattern of names and sizes, e.g. `checkShape("attention.q", x, "B T C=384")`, and returns what each name
 * stands for. A name seen before (`bound`) must have the same size again; `...` stands for any leading axes.
 */
export function checkShape(
  place: string,
  t: { readonly shape: Shape },
  pattern: string,
  bound: Record<string, number> = {},
): Record<string, number> {
  const parts = pattern.trim().split(/\s+/).filter(Boolean);
  const open = parts[0] === "...";
  const names = open ? parts.slice(1) : parts;
  const tail = open ? t.shape.slice(Math.max(0, t.shape.length - names.length)) : t.shape;
  const result: Record<string, number> = { ...bound };
  let fits = tail.length === names.length;
  const shown = names.map((part, i) => {
    const [name, fixed] = part.split("=") as [string, string?];
    const literal = /^\d+$/.test(name);
    const want = literal ? Number(name) : fixed !== undefined ? Number(fixed) : result[name];
    const have = tail[i];
    if (want !== undefined && have !== want) fits = false;
    if (!literal && have !== undefined && result[name] === undefined) result[name] = have;
    return literal ? name : want !== undefined ? `${name}=${want}` : name;
  });
  if (!fits)
    throw tensorErrors.fail("shape", {
      place,
      expected: `[${[...(open ? ["..."] : []), ...shown].join(", ")}]`,
      received: showShape(t.shape),
      hint: tail.length === names.length ? "Check the sizes named in the expectation." : `It has ${t.shape.length} axes.`,
    });
  return result;
}
