/** A quality model: weights of hashed features and how margins become probabilities; its file is one of `model-file.ts`. */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { decodeModel, encodeModel, type ModelFileFormat } from "../model-file.ts";
import { calibratedQuality, calibrationSchema, type QualityCalibration } from "./calibration.ts";
import { type FeatureOptions, Features, featuresVersion } from "./features.ts";
import { type LogisticWeights, logistic, qualityMargin } from "./logistic.ts";

/** How well scores did on texts that neither learning nor calibration saw. */
const measuresSchema = z.strictObject({
  accuracy: z.number(),
  precision: z.number(),
  recall: z.number(),
  f1: z.number(),
  auc: z.number(),
  brier: z.number(),
  calibrationError: z.number(),
});
export type QualityMeasures = z.output<typeof measuresSchema>;

const qualityReportSchema = z.strictObject({
  good: z.number(),
  bad: z.number(),
  /** Equal texts that counted once, and texts that were called good and bad and counted not at all. */
  duplicates: z.number(),
  contradictions: z.number(),
  heldOut: z.strictObject({ good: z.number(), bad: z.number() }),
  /** Passes over the examples. */
  passes: z.number(),
  before: measuresSchema,
  after: measuresSchema,
});
export type QualityReport = z.output<typeof qualityReportSchema>;

export interface QualityModel {
  readonly features: FeatureOptions;
  readonly linear: LogisticWeights;
  /** Absent: the margin's own sigmoid. */
  readonly calibration?: QualityCalibration | undefined;
  readonly report: QualityReport;
}

const headerSchema = z.strictObject({
  format: z.literal(1),
  featuresVersion: z.literal(featuresVersion),
  features: z.strictObject({
    words: z.number().int().min(1).max(3),
    characters: z.tuple([z.number().int().min(1), z.number().int().max(8)]).optional(),
    bits: z.number().int().min(8).max(24),
  }),
  bias: z.number(),
  calibration: calibrationSchema.optional(),
  report: qualityReportSchema,
});

const format: ModelFileFormat<typeof headerSchema> = {
  magic: "loamqly1",
  what: "quality model",
  maker: "loam data quality train",
  header: headerSchema,
  numWeights: h => 2 ** h.features.bits,
};

/** Bytes of a model. */
export const encodeQuality = ({ features, linear, calibration, report }: QualityModel): Buffer =>
  encodeModel(
    format,
    {
      format: 1,
      featuresVersion,
      features: { words: features.words, ...(features.characters ? { characters: [...features.characters] } : {}), bits: features.bits },
      bias: linear.bias,
      ...defined({ calibration }),
      report,
    },
    linear.weights,
  );

/** A model of its bytes; `place` names the file. Errors: data/resource. */
export function decodeQuality(bytes: Buffer, place: string): QualityModel {
  const { header, weights } = decodeModel(format, bytes, place);
  const { features, bias, calibration, report } = header;
  return { features, linear: { weights, bias }, calibration, report };
}

/** Scores texts, one after another. */
export class QualityScorer {
  private readonly model: Omit<QualityModel, "report">;
  private readonly features: Features;

  constructor(model: Omit<QualityModel, "report">) {
    this.model = model;
    this.features = new Features(model.features);
  }

  /** Probability that a text is good, as far as the examples tell. */
  score(text: string): number {
    const { features, model } = this;
    features.read(text);
    const margin = qualityMargin(model.linear, features.found, features.count);
    return model.calibration === undefined ? logistic(margin) : calibratedQuality(model.calibration, margin);
  }
}
