/** What a spec may say, checked where it is used and where a sketch is read. */
import { checkSetting, watchErrors } from "../errors.ts";
import { type FeatureSpec, mostSampled, type SketchSpec } from "./spec.ts";

/** Coordinates: more than these take more room than the rest of a sketch. */
const mostCoordinates = 64;
const mostVocabulary = 2 ** 22;
const mostEdges = 1000;
export const mostKnown = 2000;

const roles = ["input", "label", "prediction"];
const isWhole = (value: unknown, from: number, to: number): boolean =>
  Number.isInteger(value) && Number(value) >= from && Number(value) <= to;

function checkFeature(spec: FeatureSpec, place: string): void {
  checkSetting(spec.role === undefined || roles.includes(spec.role), `${place}.role`, roles.join(", "), spec.role);
  switch (spec.type) {
    case "number": {
      const edges = spec.edges ?? [];
      checkSetting(edges.length <= mostEdges, `${place}.edges`, `at most ${mostEdges}`, edges.length);
      for (const [i, edge] of edges.entries())
        checkSetting(Number.isFinite(edge) && (i === 0 || edge > edges[i - 1]!), `${place}.edges[${i}]`, "finite and rising", edge);
      return;
    }
    case "category": {
      const known = spec.known ?? [];
      checkSetting(known.length <= mostKnown, `${place}.known`, `at most ${mostKnown}`, known.length);
      checkSetting(new Set(known).size === known.length, `${place}.known`, "each once", "a name twice");
      return;
    }
    case "tokens":
      checkSetting(isWhole(spec.vocabulary, 1, mostVocabulary), `${place}.vocabulary`, `1 to ${mostVocabulary}`, spec.vocabulary);
      return;
    case "vector":
      checkSetting(isWhole(spec.size, 1, mostCoordinates), `${place}.size`, `1 to ${mostCoordinates}`, spec.size);
      return;
    default:
      throw watchErrors.fail("setting", {
        place: `${place}.type`,
        expected: "number, category, tokens or vector",
        received: String((spec as { type: unknown }).type),
      });
  }
}

/** Errors: watch/setting. */
export function checkSketchSpec(spec: SketchSpec): void {
  const names = Object.keys(spec.features);
  checkSetting(names.length > 0, "features", "one or more", "none");
  checkSetting(spec.sample === undefined || isWhole(spec.sample, 1, mostSampled), "sample", `1 to ${mostSampled}`, spec.sample);
  for (const name of names) checkFeature(spec.features[name]!, `features.${name}`);
  const needs = names.find(name => spec.features[name]!.type === "tokens");
  checkSetting(needs === undefined || spec.tokenizer !== null, "tokenizer", `a digest, which ${needs} needs`, "null");
}

/** A spec that was read. Errors: watch/sketch, watch/setting. */
export function parseSpec(value: unknown): SketchSpec {
  const given = value as Partial<SketchSpec> | null | undefined;
  const isSpec =
    typeof given === "object" &&
    given !== null &&
    (given.tokenizer === null || typeof given.tokenizer === "string") &&
    typeof given.features === "object" &&
    given.features !== null &&
    Object.values(given.features).every(f => typeof f === "object" && f !== null);
  if (!isSpec) throw watchErrors.fail("sketch", { place: "sketch.spec", expected: "{ tokenizer, features }", received: typeof value });
  checkSketchSpec(given as SketchSpec);
  return given as SketchSpec;
}
