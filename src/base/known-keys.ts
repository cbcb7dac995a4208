/**
 * The keys that a schema takes where an unknown one was written. Of alternatives those of the branch that complained: another one may well know the key, and
 * to propose the key that was just refused helps nobody.
 */
import { replacementOf } from "./replaced-key.ts";
import { writtenFormOf } from "./written-as.ts";

interface Def {
  readonly type?: string;
  readonly innerType?: unknown;
  readonly in?: unknown;
  readonly getter?: () => unknown;
  readonly options?: readonly unknown[];
  readonly discriminator?: string;
  readonly shape?: Readonly<Record<PropertyKey, unknown>>;
  readonly element?: unknown;
  readonly valueType?: unknown;
}
interface Node {
  readonly def?: Def;
  readonly propValues?: Readonly<Record<string, ReadonlySet<unknown>>>;
}
const nodeOf = (schema: unknown): Node => (schema as { readonly _zod?: Node } | undefined)?._zod ?? {};

interface PlaceInFile {
  readonly path: readonly PropertyKey[];
  /** Branches of alternatives that led there, from the outside in. */
  readonly taken: readonly { readonly depth: number; readonly branch: number }[];
}
/** `path` is that of the map that has it. */
interface UnknownKey extends PlaceInFile {
  readonly key: string;
}

const inside = (value: unknown, key: PropertyKey): unknown =>
  typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;

/** A schema without what wraps it: written forms, defaults, options, the input of transformations. */
function unwrapped(s: unknown): unknown {
  const { def } = nodeOf(s);
  if (!def) return undefined;
  const inner =
    writtenFormOf(s as object) ?? def.innerType ?? (def.type === "pipe" ? def.in : def.type === "lazy" ? def.getter!() : undefined);
  return inner === undefined ? s : unwrapped(inner);
}

/** What a schema says of the value at a path, by the branches that were taken there; undefined where it says nothing, or alternatives say different things. */
export function descriptionAt(schema: unknown, { path, taken }: PlaceInFile): string | undefined {
  const left = [...taken];
  /** The maps and lists that a schema may be at a depth. */
  const open = (s: unknown, depth: number): unknown[] => {
    const own = unwrapped(s);
    const options = nodeOf(own).def?.options;
    if (!Array.isArray(options)) return own === undefined ? [] : [own];
    return (left[0]?.depth === depth ? [options[left.shift()!.branch]] : options).flatMap(o => open(o, depth));
  };
  let level: unknown[] = [schema];
  for (const [depth, part] of path.entries())
    level = level.flatMap(s =>
      open(s, depth).flatMap(o => {
        const { shape, element, valueType } = nodeOf(o).def ?? {};
        return (shape ? shape[part] : (element ?? valueType)) ?? [];
      }),
    );
  const said = (s: unknown): string | undefined =>
    (s as { readonly description?: string } | undefined)?.description ??
    (nodeOf(s).def?.innerType ? said(nodeOf(s).def!.innerType) : undefined);
  const texts = new Set(level.map(said));
  return texts.size === 1 ? [...texts][0] : undefined;
}

/**
 * `keys` is empty where the schema cannot tell; `elsewhere` names the kinds that know the key, where a field of the map says its kind: `task instruct`;
 * `replacement` says what is written now, where another key has taken its place.
 */
export function knownKeys(
  schema: unknown,
  value: unknown,
  { path, taken, key }: UnknownKey,
): { readonly keys: readonly string[]; readonly elsewhere: readonly string[]; readonly replacement: string | undefined } {
  const left = [...taken];
  const elsewhere: string[] = [];
  const knows = (s: unknown): boolean => Object.hasOwn(nodeOf(s).def?.shape ?? {}, key);
  const open = (s: unknown, at: unknown, depth: number): unknown[] => {
    const { def } = nodeOf(s);
    if (!def) return [];
    const written = writtenFormOf(s as object);
    if (written) return open(written, at, depth);
    if (def.innerType) return open(def.innerType, at, depth);
    if (def.type === "pipe") return open(def.in, at, depth);
    if (def.type === "lazy") return open(def.getter!(), at, depth);
    const { options, discriminator } = def;
    if (!Array.isArray(options)) return [s];
    if (discriminator !== undefined) {
      const kinds = (o: unknown) => nodeOf(o).propValues?.[discriminator];
      const own = options.filter(o => kinds(o)?.has(inside(at, discriminator)));
      if (own.length > 0) {
        if (depth === path.length)
          for (const other of options.filter(o => !own.includes(o) && knows(o)))
            elsewhere.push(`${discriminator} ${[...(kinds(other) ?? [])].join(" or ")}`);
        return own.flatMap(o => open(o, at, depth));
      }
    } else if (left[0]?.depth === depth) return open(options[left.shift()!.branch], at, depth);
    return options.flatMap(o => open(o, at, depth));
  };
  let level: { readonly s: unknown; readonly at: unknown }[] = [{ s: schema, at: value }];
  for (const [depth, part] of path.entries())
    level = level.flatMap(({ s, at }) =>
      open(s, at, depth).flatMap(o => {
        const { shape, element, valueType } = nodeOf(o).def ?? {};
        const next = shape ? shape[part] : (element ?? valueType);
        return next === undefined ? [] : [{ s: next, at: inside(at, part) }];
      }),
    );
  const maps = level.flatMap(({ s, at }) => open(s, at, path.length)).filter(s => !knows(s));
  const shapes = maps.map(s => nodeOf(s).def?.shape ?? {});
  const replacement = shapes
    .flatMap(shape => Object.values(shape).map(s => replacementOf(s as object, key)))
    .find(hint => hint !== undefined);
  return { keys: [...new Set(shapes.flatMap(shape => Object.keys(shape)))], elsewhere, replacement };
}
