/**
 * A sketch of a stream of events: small, whatever was seen, and the same in any order of the events and of merges (associative, commutative). An id
 * that comes twice counts twice, but for the samples, where it stands once.
 */
import { canonicalJson } from "../../base/index.ts";
import { quantileEdges } from "../../statistics/index.ts";
import { watchErrors } from "../errors.ts";
import { type CategoryData, CategorySketch, categoryCodec } from "./category-sketch.ts";
import { ByteReader, ByteWriter, type Codec, textCodec, wholeCodec } from "./codec.ts";
import type { FeatureSketch } from "./feature-sketch.ts";
import { idHash } from "./id-hash.ts";
import { type NumberData, NumberSketch, numberCodec } from "./number-sketch.ts";
import { type FeatureSpec, type FeatureType, mostSampled, type SketchSpec, type SketchValues } from "./spec.ts";
import { checkSketchSpec, mostKnown, parseSpec } from "./spec-schema.ts";
import { type TokenData, TokenSketch, tokenCodec } from "./token-sketch.ts";
import { type VectorData, VectorSketch, vectorCodec } from "./vector-sketch.ts";

/** Raised when old sketches can no longer be read or compared. */
const version = 1;
const format = "loam-sketch";

interface FeatureDataOf {
  readonly number: NumberData;
  readonly category: CategoryData;
  readonly tokens: TokenData;
  readonly vector: VectorData;
}
export type FeatureData = FeatureDataOf[FeatureType];

interface FeatureKind<T extends FeatureType> {
  open(spec: Extract<FeatureSpec, { type: T }>, sampled: number): FeatureSketch<FeatureDataOf[T]>;
  readonly codec: Codec<FeatureDataOf[T]>;
}
const kinds: { readonly [T in FeatureType]: FeatureKind<T> } = {
  number: { open: (spec, sampled) => new NumberSketch(spec, sampled), codec: numberCodec },
  category: { open: spec => new CategorySketch(spec), codec: categoryCodec },
  tokens: { open: spec => new TokenSketch(spec), codec: tokenCodec },
  vector: { open: spec => new VectorSketch(spec), codec: vectorCodec },
};
// one row of the table, whose types agree among themselves
const kindOf = (spec: FeatureSpec) => kinds[spec.type] as FeatureKind<FeatureType>;

export interface Sketch {
  readonly spec: SketchSpec;
  /** Events that were added. */
  events: number;
  /** Written to by `addToSketch` and `mergeSketches` alone. */
  readonly features: ReadonlyMap<string, FeatureSketch<FeatureData>>;
}

/** The plain form: JSON, and what the bytes hold. */
export interface SketchJson {
  readonly format: typeof format;
  readonly version: typeof version;
  readonly spec: SketchSpec;
  readonly events: number;
  readonly features: Readonly<Record<string, FeatureData>>;
}

/** Errors: watch/setting. */
export function emptySketch(spec: SketchSpec): Sketch {
  checkSketchSpec(spec);
  const sampled = spec.sample ?? mostSampled;
  const names = Object.keys(spec.features).sort();
  return {
    spec,
    events: 0,
    features: new Map(names.map(name => [name, kindOf(spec.features[name]!).open(spec.features[name]!, sampled)])),
  };
}

/**
 * Adds an event to a sketch, in place, in constant time a value. The id is hashed and not kept; its hash chooses whether the values are in the samples.
 * Values of names that the spec has not are left out.
 */
export function addToSketch(sketch: Sketch, values: SketchValues, id: string): void {
  const key = idHash(id);
  sketch.events++;
  for (const [name, feature] of sketch.features) feature.add(values[name], key);
}

/** Data of one feature; undefined where the sketch has none of that name. */
export const featureData = (sketch: Sketch, name: string): FeatureData | undefined => sketch.features.get(name)?.data();

/** Data of a feature of this type; undefined where the sketch has none of that name and type. */
export const typedData = <T extends FeatureType>(sketch: Sketch, name: string, type: T): FeatureDataOf[T] | undefined =>
  // a feature's data have the type that its spec says
  sketch.spec.features[name]?.type === type ? (featureData(sketch, name) as FeatureDataOf[T] | undefined) : undefined;

/** A sketch of what both have seen; neither is changed. Errors: watch/reference where their specs differ. */
export const mergeSketches = (a: Sketch, b: Sketch): Sketch => mergeAllSketches([a, b]);

/** As `mergeSketches`, of one or more: each is read once. Errors: watch/reference; watch/setting for none. */
export function mergeAllSketches(sketches: readonly Sketch[]): Sketch {
  const [first] = sketches;
  if (!first) throw watchErrors.fail("setting", { place: "sketches", expected: "one or more", received: "none" });
  const mine = canonicalJson(first.spec);
  const all = emptySketch(first.spec);
  for (const { spec, events, features } of sketches) {
    if (spec !== first.spec) checkSpecs(first.spec, mine, spec);
    all.events += events;
    for (const [name, feature] of all.features) feature.absorb(features.get(name)!.data());
  }
  return all;
}

function checkSpecs(first: SketchSpec, mine: string, other: SketchSpec): void {
  checkTokenizers(first, other);
  const theirs = canonicalJson(other);
  if (mine === theirs) return;
  const at = [...mine].findIndex((c, i) => c !== theirs[i]);
  const excerpt = (text: string) => text.slice(Math.max(0, at - 20), at + 40);
  throw watchErrors.fail("reference", { place: "sketch", expected: `the same spec: ${excerpt(mine)}`, received: excerpt(theirs) });
}

/** Errors: watch/reference, naming both tokenizers. */
export function checkTokenizers(reference: SketchSpec, other: SketchSpec): void {
  if (reference.tokenizer === null || other.tokenizer === null || reference.tokenizer === other.tokenizer) return;
  throw watchErrors.fail("reference", {
    place: "tokenizer",
    expected: `the reference's, ${reference.tokenizer}`,
    received: other.tokenizer,
    hint: "Token ids of two tokenizers mean different texts: make both sketches with one tokenizer, or compare features that need none.",
  });
}

/** A sketch with the features of both, which have seen the same events. Errors: watch/reference for a name that both have, or other numbers of events. */
export function joinSketches(a: Sketch, b: Sketch): Sketch {
  checkTokenizers(a.spec, b.spec);
  const twice = Object.keys(a.spec.features).find(name => Object.hasOwn(b.spec.features, name));
  if (twice !== undefined || a.events !== b.events)
    throw watchErrors.fail("reference", {
      place: "sketch",
      expected: twice === undefined ? `${a.events} events` : "features of different names",
      received: twice === undefined ? `${b.events}` : `${twice} twice`,
    });
  const spec = { ...a.spec, tokenizer: a.spec.tokenizer ?? b.spec.tokenizer, features: { ...a.spec.features, ...b.spec.features } };
  const both = emptySketch(spec);
  both.events = a.events;
  for (const [name, feature] of both.features) feature.absorb((featureData(a, name) ?? featureData(b, name))!);
  return both;
}

export const sketchJson = (sketch: Sketch): SketchJson => ({
  format,
  version,
  spec: sketch.spec,
  events: sketch.events,
  features: Object.fromEntries([...sketch.features].map(([name, feature]) => [name, feature.data()])),
});

function opened(spec: SketchSpec, events: number, dataOf: (name: string, kind: FeatureKind<FeatureType>) => FeatureData): Sketch {
  const sketch = emptySketch(spec);
  sketch.events = events;
  for (const [name, feature] of sketch.features) {
    const data = dataOf(name, kindOf(spec.features[name]!));
    checkSizes(name, spec, data);
    feature.absorb(data);
  }
  return sketch;
}

/** Lists that belong together have one length, and that of the spec. */
function checkSizes(name: string, { features }: SketchSpec, data: FeatureData): void {
  const spec = features[name]!;
  const lists: (readonly [string, number, number])[] = [];
  if (spec.type === "number" && "squares" in data)
    lists.push(["counts", data.counts.length, spec.edges ? spec.edges.length + 1 : 0], ["sample", data.sample.length, data.keys.length]);
  else if (spec.type === "category" && "mentions" in data)
    lists.push(
      ["known", data.known.length, spec.known?.length ?? 0],
      ["names", data.names.length, data.hashes.length],
      ["counts", data.counts.length, data.hashes.length],
    );
  else if (spec.type === "tokens" && "ids" in data)
    lists.push(["counts", data.counts.length, data.ids.length], ["events", data.events.length, data.ids.length]);
  else if (spec.type === "vector" && "sums" in data)
    lists.push(
      ["sums", data.sums.length, spec.size],
      ["products", data.products.length, (spec.size * (spec.size + 1)) / 2],
      ["sample", data.sample.length, data.keys.length * spec.size],
    );
  for (const [list, size, expected] of lists)
    if (size !== expected)
      throw watchErrors.fail("sketch", { place: `sketch.features.${name}.${list}`, expected: `${expected} items`, received: String(size) });
}

const checkVersion = (given: unknown): void => {
  if (given !== version)
    throw watchErrors.fail("sketch", {
      place: "sketch.version",
      expected: String(version),
      received: String(given),
      hint: "Make the sketch again with this version of Loam: `loam run`.",
    });
};

/** Errors: watch/sketch. */
export function sketchOf(json: unknown): Sketch {
  const given = json as Partial<SketchJson> | null;
  if (typeof given !== "object" || given === null || given.format !== format)
    throw watchErrors.fail("sketch", {
      place: "sketch.format",
      expected: `"${format}"`,
      received: String(given && (given as SketchJson).format),
    });
  checkVersion(given.version);
  const features = (given.features ?? {}) as Readonly<Record<string, unknown>>;
  return opened(parseSpec(given.spec), wholeCodec.check(given.events, "sketch.events"), (name, { codec }) =>
    codec.check(features[name], `sketch.features.${name}`),
  );
}

/** The compact form: the same bytes for the same events in any order. */
export function sketchBytes(sketch: Sketch): Uint8Array {
  const to = new ByteWriter();
  textCodec.write(to, format);
  to.whole(version);
  textCodec.write(to, canonicalJson(sketch.spec));
  to.whole(sketch.events);
  for (const [name, feature] of sketch.features) kindOf(sketch.spec.features[name]!).codec.write(to, feature.data());
  return to.all();
}

/** Errors: watch/sketch. */
export function sketchFromBytes(bytes: Uint8Array): Sketch {
  const from = new ByteReader(bytes);
  const name = textCodec.read(from);
  if (name !== format)
    throw watchErrors.fail("sketch", { place: "sketch.format", expected: `"${format}"`, received: `"${name.slice(0, 20)}"` });
  checkVersion(from.whole());
  let spec: unknown;
  try {
    spec = JSON.parse(textCodec.read(from));
  } catch (error) {
    throw watchErrors.fail("sketch", { place: "sketch.spec", expected: "JSON", received: "another text" }, error);
  }
  const parsed = parseSpec(spec);
  const sketch = opened(parsed, from.whole(), (name, { codec }) => codec.check(codec.read(from), `sketch.features.${name}`));
  from.end();
  return sketch;
}

/** Bins that windows count all their values in, where the reference has no edges of its own. */
const windowBins = 10;

/**
 * The spec of windows that are compared with a reference: its features, its categories as known ones, and its deciles as edges, so that windows
 * count all their values though they sample few. Errors: watch/setting.
 */
export function windowSpec(reference: Sketch, { sample }: { readonly sample?: number } = {}): SketchSpec {
  const features = Object.entries(reference.spec.features).map(([name, spec]): [string, FeatureSpec] => {
    const data = featureData(reference, name)!;
    if (spec.type === "category" && "hashes" in data)
      return [name, { ...spec, known: [...(spec.known ?? []), ...data.names].slice(0, mostKnown) }];
    if (spec.type === "number" && "squares" in data && !spec.edges && data.sample.length > 0)
      return [name, { ...spec, edges: Array.from(quantileEdges(data.sample, windowBins)) }];
    return [name, spec];
  });
  const spec = { ...reference.spec, features: Object.fromEntries(features), ...(sample === undefined ? {} : { sample }) };
  checkSketchSpec(spec);
  return spec;
}
