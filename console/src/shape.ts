/**
 * What an answer of the server has to look like, as values that check it and give it its type: unknown fields are left out, the first thing that does
 * not fit is named with its place. As much as JSON needs and no more; the server's own borders have a whole library for this, a page has no room for one.
 */

/** The first thing that does not fit. */
export class Mismatch extends Error {
  /** Fields and numbers from the outermost inwards. */
  readonly path: readonly (string | number)[];
  readonly what: string;
  constructor(what: string, path: readonly (string | number)[] = []) {
    super(`${path.join(".") || "the answer"}: ${what}`);
    this.what = what;
    this.path = path;
  }
}

export type Result<T> =
  | { readonly success: true; readonly data: T; readonly error?: undefined }
  | { readonly success: false; readonly error: Mismatch };

export interface Shape<T> {
  /** The value as the shape gives it. Errors: Mismatch. */
  readonly parse: (value: unknown) => T;
  readonly safeParse: (value: unknown) => Result<T>;
}
/** Of a field that may be left out. */
interface OptionalShape<T> extends Shape<T> {
  readonly isOptional: true;
}
export type Infer<S> = S extends Shape<infer T> ? T : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type OptionalKey<F extends Fields> = { [K in keyof F]: F[K] extends { readonly isOptional: true } ? K : never }[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };
type ObjectOf<F extends Fields> = Flat<
  { [K in Exclude<keyof F, OptionalKey<F>>]: Infer<F[K]> } & { [K in OptionalKey<F>]?: Infer<F[K]> | undefined }
>;

const shapeOf = <T>(parse: (value: unknown) => T): Shape<T> => ({
  parse,
  safeParse: value => {
    try {
      return { success: true, data: parse(value) };
    } catch (error) {
      if (error instanceof Mismatch) return { success: false, error };
      throw error;
    }
  },
});

const nameOf = (value: unknown): string =>
  value === null ? "null" : value === undefined ? "nothing" : Array.isArray(value) ? "a list" : typeof value;
const fail = (expected: string, value: unknown): never => {
  throw new Mismatch(`expected ${expected}, got ${nameOf(value)}`);
};

/** What is thrown inside is said with where. */
function within<T>(key: string | number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof Mismatch ? new Mismatch(error.what, [key, ...error.path]) : error;
  }
}

const typed = <T>(expected: string, fits: (value: unknown) => value is T): Shape<T> =>
  shapeOf(value => (fits(value) ? value : fail(expected, value)));
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : fail("a list", value));

export const string: Shape<string> = typed("a string", value => typeof value === "string");
export const number: Shape<number> = typed("a number", value => typeof value === "number");
export const boolean: Shape<boolean> = typed("true or false", value => typeof value === "boolean");
/** Anything, but not nothing. */
export const unknown: Shape<unknown> = typed("a value", (value): value is unknown => value !== undefined);

export const oneOf = <const T extends string | boolean>(...all: readonly T[]): Shape<T> =>
  typed(`one of ${all.join(", ")}`, (value): value is T => (all as readonly unknown[]).includes(value));
export const nullable = <T>(of: Shape<T>): Shape<T | null> => shapeOf(value => (value === null ? null : of.parse(value)));
export const optional = <T>(of: Shape<T>): OptionalShape<T | undefined> => ({
  ...shapeOf(value => (value === undefined ? undefined : of.parse(value))),
  isOptional: true,
});
export const nullish = <T>(of: Shape<T>): OptionalShape<T | null | undefined> => optional(nullable(of));
export const mapped = <T, U>(of: Shape<T>, map: (value: T) => U): Shape<U> => shapeOf(value => map(of.parse(value)));

export const array = <T>(of: Shape<T>): Shape<T[]> => shapeOf(value => listIn(value).map((v, i) => within(i, () => of.parse(v))));
export const tuple = <const T extends readonly Shape<unknown>[]>(...of: T): Shape<{ -readonly [K in keyof T]: Infer<T[K]> }> =>
  shapeOf(value => {
    const list = listIn(value);
    if (list.length !== of.length) throw new Mismatch(`expected ${of.length} values, got ${list.length}`);
    return of.map((shape, i) => within(i, () => shape.parse(list[i]))) as { -readonly [K in keyof T]: Infer<T[K]> };
  });
/** Any names. */
export const record = <T>(of: Shape<T>): Shape<Record<string, T>> =>
  shapeOf(value =>
    // a name may be `__proto__`: fields are defined, not set
    Object.fromEntries(
      Object.entries(isObject(value) ? value : fail("an object", value)).map(([k, v]) => [k, within(k, () => of.parse(v))]),
    ),
  );
export const object = <F extends Fields>(fields: F): Shape<ObjectOf<F>> =>
  shapeOf(value => {
    if (!isObject(value)) return fail("an object", value);
    const read = Object.entries(fields).map(([k, of]) => [k, within(k, () => of.parse(value[k]))] as const);
    return Object.fromEntries(read.filter(([k, v]) => v !== undefined || k in value)) as ObjectOf<F>;
  });
/** The first that fits; where none does, what the one that came farthest says. */
export const union = <const T extends readonly Shape<unknown>[]>(...of: T): Shape<Infer<T[number]>> =>
  shapeOf(value => {
    let farthest: Mismatch | undefined;
    for (const shape of of) {
      const result = (shape as Shape<Infer<T[number]>>).safeParse(value);
      if (result.success) return result.data;
      if (result.error.path.length >= (farthest?.path.length ?? 0)) farthest = result.error;
    }
    throw farthest;
  });
