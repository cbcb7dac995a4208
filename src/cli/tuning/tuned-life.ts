/** The links of a tuned model's life: its base's up to the trained model, its data set, then what its task needs. */
import { join } from "node:path";
import { formatCount, type LoamError } from "../../base/index.ts";
import type { Device } from "../../tensor/index.ts";
import { classifyStage, evaluateClassifierStage, labelsOf, textBaselinesStage } from "../../tune/index.ts";
import { dataLinksOf, n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { modelText } from "../models/model-text.ts";
import type { Project } from "../project.ts";
import { baseLink } from "./base-link.ts";
import { instructLinks, preferenceLinks } from "./instruct-links.ts";
import { dataSetOf, type TunedModel } from "./tune-part.ts";

interface Around {
  readonly device: () => Device;
  readonly onProblem: (problem: LoamError) => void;
}
type Tune<T extends TunedModel["tune"]["task"]> = Extract<TunedModel["tune"], { task: T }>;

/** What a task adds behind base and data; a row a task. */
const tasks: {
  readonly [T in TunedModel["tune"]["task"]]: (p: Project, name: string, base: string, tune: Tune<T>, around: Around) => Link[];
} = {
  classify(p, name, base, { task: _, on, baselines, ...recipe }, { device, onProblem }) {
    const tokenizerOf = async (model: Parameters<typeof modelText>[0]) => (await modelText(model)).tokenizer;
    const documents = `data/${on}`;
    return [
      link({
        stage: "tune",
        label: name,
        inputs: { base, documents },
        definition: classifyStage({ device, tokenizerOf, onProblem, eventsFolder: join(p.folder, ".loam", "tensorboard") }),
        options: () => ({ name, recipe }),
        describe: s =>
          `${formatCount(n(s, "texts"))} texts, ${n(s, "classes")} classes, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation F1 ${n(s, "validationF1").toFixed(3)}`,
      }),
      link({
        stage: "baselines",
        label: `baselines/${name}`,
        inputs: { documents },
        definition: textBaselinesStage,
        options: () => ({ labels: labelsOf(recipe), baselines }),
        describe: s =>
          Object.entries(s)
            .map(([baseline, accuracy]) => `${baseline} ${Number(accuracy).toFixed(3)}`)
            .join(", "),
      }),
      link({
        stage: "evaluate",
        label: `evaluate/${name}`,
        inputs: { model: name, documents, baselines: `baselines/${name}` },
        definition: evaluateClassifierStage({ device, tokenizerOf }),
        options: () => ({ name, labels: labelsOf(recipe) }),
        describe: s =>
          `F1 ${n(s, "macroF1").toFixed(3)} (macro), accuracy ${n(s, "accuracy").toFixed(3)} on ${formatCount(n(s, "documents"))} held-out documents`,
      }),
    ];
  },
  instruct: instructLinks,
  preference: preferenceLinks,
};

/** `lifeOfBase` gives the life of another model of the file. */
export function tunedLife(p: Project, name: string, around: Around, lifeOfBase: (base: string) => Link[]): Link[] {
  const { base, tune } = p.config.tuned[name]!;
  const isOwn = Object.hasOwn(p.config.models, base) || Object.hasOwn(p.config.tuned, base);
  const life = isOwn ? lifeOfBase(base) : [baseLink(base, name)];
  const upToBase = life.slice(0, life.findIndex(l => l.label === base) + 1);
  const labels = new Set(upToBase.map(l => l.label));
  const dataSet = dataSetOf(tune);
  const data = (dataSet === undefined ? [] : dataLinksOf(p, dataSet)).filter(l => !labels.has(l.label));
  return [...upToBase, ...data, ...tasks[tune.task](p, name, base, tune as never, around)];
}
