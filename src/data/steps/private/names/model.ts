/** A model of names and places: weights, the temperature of its scores, how it was trained and how well it did; and its file and recogniser. */
import { z } from "zod";
import { defined } from "../../../../base/index.ts";
import { decodeAnyModel, encodeModel, type ModelFileFormat } from "../../../model-file.ts";
import type { PrivateRecogniser } from "../recogniser.ts";
import type { PrivateSpan } from "../types.ts";
import { featuresOf, nameFeaturesVersion } from "./features.ts";
import { bestChain, chainScores, marginals } from "./tagger.ts";
import { type NameSpan, nameTokens, numLabels, spansOf } from "./tokens.ts";

const measured = z.strictObject({
  precision: z.number(),
  recall: z.number(),
  f1: z.number(),
  /** True ones in what was measured on. */
  there: z.number(),
});
const measures = z.strictObject({ name: measured, place: measured });
export type NameMeasures = z.output<typeof measures>;

const reportSchema = z.strictObject({
  examples: z.number(),
  names: z.number(),
  places: z.number(),
  /** Equal lines that counted once, and texts that were marked in two ways and counted not at all. */
  duplicates: z.number(),
  contradictions: z.number(),
  /** Examples that only the measurement saw. */
  heldOut: z.number(),
  measures,
});
export type NamesReport = z.output<typeof reportSchema>;

const optionsSchema = z.strictObject({
  bits: z.number().int().min(8).max(22),
  passes: z.number(),
  hidden: z.number(),
  heldOut: z.number(),
  seed: z.union([z.number(), z.string()]),
});

export interface NamesModel {
  /** [2^bits, L]; of eight bits where the model was `quantisedNames`. */
  readonly weights: Float32Array | Int8Array;
  readonly bits: number;
  /** Scores are divided by it before they become probabilities; in units of the weights. */
  readonly temperature: number;
  readonly options: z.output<typeof optionsSchema>;
  readonly report: NamesReport;
}

const header = z.strictObject({
  format: z.literal(1),
  featuresVersion: z.literal(nameFeaturesVersion),
  options: optionsSchema,
  temperature: z.number().positive(),
  weights: z.enum(["float32", "int8"]).default("float32"),
  report: reportSchema,
});
const format: ModelFileFormat<typeof header> = {
  magic: "loamnam1",
  what: "model of names",
  maker: "loam data private train",
  header,
  numWeights: h => numLabels * 2 ** h.options.bits,
  isInt8: h => h.weights === "int8",
};

/** Bytes of a model. */
export const encodeNames = ({ weights, temperature, options, report }: NamesModel): Buffer =>
  encodeModel(
    format,
    {
      format: 1,
      featuresVersion: nameFeaturesVersion,
      options,
      temperature,
      ...(weights instanceof Int8Array ? { weights: "int8" as const } : {}),
      report,
    },
    weights,
  );

/** A model of its bytes; `place` names the file. Errors: data/resource. */
export function decodeNames(bytes: Buffer, place: string): NamesModel {
  const { header: h, weights } = decodeAnyModel(format, bytes, place);
  return { weights, bits: h.options.bits, temperature: h.temperature, options: h.options, report: h.report };
}

/** Of the weights that are not 0, the share that is not cut to the largest number. */
const shareWithin = 0.9999;

/** The model with weights of eight bits: a quarter of the bytes. Measure it anew: it finds nearly the same. */
export function quantisedNames(model: NamesModel): NamesModel {
  const sizes = Float64Array.from(
    model.weights.filter(w => w !== 0),
    Math.abs,
  ).sort();
  const unit = (sizes[Math.floor(shareWithin * (sizes.length - 1))] ?? 127) / 127;
  const weights = Int8Array.from(model.weights, w => Math.max(-127, Math.min(127, Math.round(w / unit))));
  return { ...model, weights, temperature: model.temperature / unit };
}

/** Code units looked at in one go, so that memory does not grow with the text: a little more than that where no line ends. */
const pieceLength = 2 ** 13;

/** Parts of a text, each with its start: cut behind a line, else behind a space, else behind a whole character. */
export function* namePieces(text: string, length = pieceLength): Generator<readonly [start: number, piece: string]> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + length);
    if (end < text.length) {
      // Looked for within the piece: a search back through the whole text would make the work quadratic.
      const piece = text.slice(start, end);
      const cut = piece.lastIndexOf("\n") + 1 || piece.lastIndexOf(" ") + 1;
      if (cut > 0) end = start + cut;
      else if (/[\uD800-\uDBFF]$/.test(piece) && piece.length > 1) end--;
    }
    yield [start, text.slice(start, end)];
    start = end;
  }
}

/** A name or a place with its score. */
type FoundName = PrivateSpan & NameSpan;

/** Names and places of a text, by place; a finding's score is the least of its words' probabilities. */
export function namesIn(text: string, { weights, bits, temperature }: Pick<NamesModel, "weights" | "bits" | "temperature">): FoundName[] {
  const found: FoundName[] = [];
  for (const [start, piece] of namePieces(text)) {
    const tokens = nameTokens(piece);
    if (tokens.length === 0) continue;
    const scores = chainScores(
      featuresOf(tokens, bits),
      tokens.map(t => t.isMask),
      weights,
      bits,
    );
    const labels = bestChain(scores);
    if (labels.every(y => y === 0)) continue;
    const probabilities = marginals(scores, temperature);
    for (const { type, first, next } of spansOf(labels)) {
      let score = 1;
      for (let t = first; t < next; t++) score = Math.min(score, probabilities[t * numLabels + labels[t]!]!);
      found.push({ type, start: start + tokens[first]!.start, end: start + tokens[next - 1]!.end, score });
    }
  }
  return found;
}

/** The model behind the port of the private step; `minScore`, where given, stands in the place of the step's. */
export const nameRecogniser = (model: NamesModel, minScore?: number | undefined): PrivateRecogniser => ({
  name: `names ${model.options.bits}`,
  ...defined({ minScore }),
  recognise: text => namesIn(text, model),
});
