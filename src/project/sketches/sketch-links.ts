/** The links that make sketches: of a data set, and of a model that learned from it. */
import { formatBytes, formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import { dataSetOf, type TunedModel } from "../../tune/index.ts";
import { type Link, link } from "../link.ts";
import { dataSketchStage } from "./data-sketch.ts";
import { examplesSketchStage, trainedSketchStage, tunedSketchStage } from "./model-sketch.ts";

const dataSketchLabel = (dataSet: string): string => `data-sketch/${dataSet}`;
const modelSketchLabel = (model: string): string => `sketch/${model}`;

const describe = (s: Summary): string => {
  const features = Array.isArray(s.features) ? s.features.length : 0;
  return `${formatCount(Number(s.events))} documents, ${features} features, ${formatBytes(Number(s.sizeBytes))}`;
};

export const dataSketchLink = (dataSet: string): Link =>
  link({
    stage: "sketch",
    label: dataSketchLabel(dataSet),
    inputs: { documents: `data/${dataSet}` },
    definition: dataSketchStage,
    options: () => ({}),
    describe,
  });

/** Of a model trained on a data set, and of that data set. */
export const trainedSketchLinks = (model: string, dataSet: string): Link[] => [
  dataSketchLink(dataSet),
  link({
    stage: "sketch",
    label: modelSketchLabel(model),
    inputs: { model, sketch: dataSketchLabel(dataSet), shards: `shards/${dataSet}` },
    definition: trainedSketchStage,
    options: () => ({}),
    describe,
  }),
];

/** What is right by documents: a class, or with the other kinds that learn from an attribute a number. */
const labelOf = (tune: TunedModel["tune"]) =>
  "label" in tune && typeof tune.label === "string"
    ? { attribute: tune.label, type: tune.task === "classify" ? ("category" as const) : ("number" as const) }
    : undefined;

/** Of a tuned model: of its examples where it has some, else of its data set. `own` are the links of its tuning. */
export function tunedSketchLinks(model: string, { tune }: TunedModel, own: readonly Link[]): Link[] {
  const examples = own.find(l => l.label === model)?.inputs.examples;
  if (examples !== undefined)
    return [
      link({
        stage: "sketch",
        label: modelSketchLabel(model),
        inputs: { model, examples },
        definition: examplesSketchStage,
        options: () => ({}),
        describe,
      }),
    ];
  const dataSet = dataSetOf(tune);
  if (dataSet === undefined) return [];
  const label = labelOf(tune);
  return [
    dataSketchLink(dataSet),
    link({
      stage: "sketch",
      label: modelSketchLabel(model),
      inputs: { model, sketch: dataSketchLabel(dataSet), documents: `data/${dataSet}` },
      definition: tunedSketchStage,
      options: () => ({ ...(label ? { label } : {}), length: tune.length }),
      describe,
    }),
  ];
}
