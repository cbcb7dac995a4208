/** Quality of served versions as /metrics shows it: of yesterday and today, measured with labels, and estimated without. */
import type { Store } from "../../../store/index.ts";
import type { WatchFigures } from "../../../tracing/index.ts";
import type { EvaluatedQuality } from "./model-quality.ts";
import { modelQuality } from "./model-quality.ts";

type Figure = WatchFigures["quality"][number];

const days = 2;

function figuresOf(model: string, { version, true: labelled, estimated }: EvaluatedQuality): Figure[] {
  const id = version === null ? model : `${model}@${version}`;
  const of = (source: Figure["source"], values: Readonly<Record<string, number | null | undefined>>): Figure[] =>
    Object.entries(values).flatMap(([metric, value]) =>
      typeof value === "number" && Number.isFinite(value) ? [{ model: id, metric, source, value }] : [],
    );
  return [
    ...of("labels", {
      accuracy: labelled.accuracy?.value,
      macro_f1: labelled.macroF1?.value,
      log_loss: labelled.logLoss?.value,
      score: labelled.score?.value,
    }),
    ...of("estimate", {
      accuracy: estimated.accuracy?.value,
      macro_f1: estimated.macroF1,
      log_loss: estimated.logLoss?.value,
      nll: estimated.nll?.value,
    }),
  ];
}

export const qualityFigures = async (store: Store): Promise<Figure[]> =>
  (await modelQuality(store, undefined, { days })).flatMap(({ model, versions }) => versions.flatMap(v => figuresOf(model, v)));
