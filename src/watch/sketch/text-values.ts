/** Features that every text has, and every list of tokens: one table for what trained a model and for what it sees. */
import { meanProjection, projectionSize } from "./projection.ts";
import type { FeatureRole, FeatureSpec, SketchValues } from "./spec.ts";

/** What a text is: what goes into a model, or what comes out of it. */
export type TextPart = "input" | "answer";
const prefixes: Readonly<Record<TextPart, string>> = { input: "", answer: "answer-" };

const named = <T>(part: TextPart, features: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(features).map(([name, f]) => [`${prefixes[part]}${name}`, f]));

/** Edges from 1 to 1,000,000, four a factor of 10. */
const sizeEdges = Array.from({ length: 25 }, (_, k) => Math.round(10 ** (k / 4)));

export const textFeaturesOf = (part: TextPart, role: FeatureRole): Record<string, FeatureSpec> =>
  named(part, { characters: { type: "number", role, edges: sizeEdges }, words: { type: "number", role, edges: sizeEdges } });

export const tokenFeaturesOf = (part: TextPart, role: FeatureRole, vocabulary: number): Record<string, FeatureSpec> =>
  named<FeatureSpec>(part, {
    "token-count": { type: "number", role, edges: sizeEdges },
    tokens: { type: "tokens", role, vocabulary },
    projection: { type: "vector", role, size: projectionSize },
  });

/** Runs of characters that are no white space. */
function countWords(text: string): number {
  let [words, isInside] = [0, false];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const isSpace = unit <= 32 || unit === 0xa0 || unit === 0x3000 || (unit >= 0x2000 && unit <= 0x200a);
    if (!isSpace && !isInside) words++;
    isInside = !isSpace;
  }
  return words;
}

/** UTF-16 code units and words. */
export const textValuesOf = (part: TextPart, text: string): SketchValues =>
  named(part, { characters: text.length, words: countWords(text) });

export const tokenValuesOf = (part: TextPart, ids: ArrayLike<number>): SketchValues =>
  named<SketchValues[string]>(part, { "token-count": ids.length, tokens: ids, projection: meanProjection(ids) });
