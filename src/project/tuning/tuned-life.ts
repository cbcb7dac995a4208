/** The links of a tuned model's life: its base's up to the trained model, its data set, then what its task needs. */
import { join } from "node:path";
import { formatCount } from "../../base/index.ts";
import { classifyStage, evaluateClassifierStage, frozenBaseline, labelsOf, textBaselinesStage, thresholdStage } from "../../tune/index.ts";
import { dataSetOf, madeOf, type TunedModel } from "../../tune/part.ts";
import { dataLinksOf, n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { modelText } from "../models/model-text.ts";
import { eightBits } from "../models/quantised-encoder.ts";
import type { ProjectFile } from "../project-file.ts";
import { baseLink } from "./base-link.ts";
import { classCrossValidation } from "./cross-validation-links.ts";
import { embedLinks } from "./embed-links.ts";
import { accuracyText, frozenLinks } from "./frozen-links.ts";
import { type Around, distillLinks, instructLinks, preferenceLinks } from "./instruct-links.ts";
import { few, textProofText } from "./proof-text.ts";
import { regressLinks } from "./regress-links.ts";

type Tune<T extends TunedModel["tune"]["task"]> = Extract<TunedModel["tune"], { task: T }>;

/** What a task adds behind base and data; a row a task. */
const tasks: {
  readonly [T in TunedModel["tune"]["task"]]: (p: ProjectFile, name: string, base: string, tune: Tune<T>, around: Around) => Link[];
} = {
  classify(p, name, base, { task: _, on, baselines, costs, crossValidation, ...recipe }, { device, onProblem }) {
    const tokenizerOf = async (model: Parameters<typeof modelText>[0]) => (await modelText(model)).tokenizer;
    const documents = `data/${on}`;
    const textBaselines = baselines.filter(b => b !== frozenBaseline);
    const isFrozenAsked = baselines.includes(frozenBaseline);
    // with costs the model is the tuned one with their threshold, so that other costs train nothing again
    const fitted = costs ? `fit/${name}` : name;
    return [
      link({
        stage: "tune",
        label: fitted,
        inputs: { base, documents },
        definition: classifyStage({
          device,
          tokenizerOf,
          served: eightBits,
          costs,
          onProblem,
          eventsFolder: join(p.folder, ".loam", "tensorboard"),
        }),
        options: () => ({ name, recipe }),
        describe: s =>
          `${formatCount(n(s, "texts"))} texts, ${n(s, "classes")} classes, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation F1 ${n(s, "validationF1").toFixed(3)}${textProofText(s, "classes")}`,
      }),
      ...(costs
        ? [
            link({
              stage: "tune",
              label: name,
              inputs: { tuned: fitted },
              definition: thresholdStage,
              options: () => ({ name, costs }),
              describe: s =>
                `${s.positive} ${s.threshold === null ? "is never told" : `from a probability of ${n(s, "threshold").toFixed(4)} on`}, mean cost of a validation text ${few(n(s, "validationCost"))}`,
            }),
          ]
        : []),
      link({
        stage: "baselines",
        label: `baselines/${name}`,
        inputs: { documents },
        definition: textBaselinesStage,
        options: () => ({ labels: labelsOf(recipe), baselines: textBaselines }),
        describe: accuracyText,
      }),
      ...(isFrozenAsked ? frozenLinks({ name, base, on, recipe, device, tokenizerOf }) : []),
      link({
        stage: "evaluate",
        label: `evaluate/${name}`,
        inputs: { model: name, documents, baselines: isFrozenAsked ? `frozen/${name}` : `baselines/${name}` },
        definition: evaluateClassifierStage({ device, tokenizerOf }),
        options: () => ({ name, labels: labelsOf(recipe), ...(costs ? { costs } : {}) }),
        describe: s =>
          `F1 ${n(s, "macroF1").toFixed(3)} (macro), accuracy ${n(s, "accuracy").toFixed(3)} on ${formatCount(n(s, "documents"))} held-out documents`,
      }),
      ...(crossValidation
        ? classCrossValidation({ p, name, base, documents, crossValidation, device, onProblem }, recipe, textBaselines)
        : []),
    ];
  },
  instruct: instructLinks,
  preference: preferenceLinks,
  distill: distillLinks,
  embed: embedLinks,
  regress: regressLinks,
};

/** `lifeOf` gives the life of another model of the file. */
export function tunedLife(p: ProjectFile, name: string, around: Around, lifeOf: (model: string) => Link[]): Link[] {
  const { base, tune } = p.config.tuned[name]!;
  const links: Link[] = [];
  const append = (more: readonly Link[]) => {
    const labels = new Set(links.map(l => l.label));
    links.push(...more.filter(l => !labels.has(l.label)));
  };
  for (const model of madeOf(p.config.tuned[name]!)) {
    const isOwn = Object.hasOwn(p.config.models, model) || Object.hasOwn(p.config.tuned, model);
    const life = isOwn ? lifeOf(model) : [baseLink(model, model === base ? `${name}.base` : `${name}.tune.teacher`)];
    append(life.slice(0, life.findIndex(l => l.label === model) + 1));
  }
  const dataSet = dataSetOf(tune);
  if (dataSet !== undefined) append(dataLinksOf(p, dataSet));
  return [...links, ...tasks[tune.task](p, name, base, tune as never, around)];
}
