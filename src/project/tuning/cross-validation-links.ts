/** The links of a cross-validation: folds, a training for each fold and seed, the baselines of each fold, and the report of all of them. */
import { join } from "node:path";
import { formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import {
  baselinesInput,
  type ClassifyOptions,
  type CrossValidationOptions,
  classFoldBaselinesStage,
  classFoldStage,
  classFoldsStage,
  crossValidationStage,
  type FoldPlace,
  type frozenBaseline,
  labelsOf,
  numberFoldBaselineStage,
  numberFoldStage,
  numberFoldsStage,
  placesOf,
  type RegressOptions,
  runInput,
  seedsOf,
  targetsOf,
} from "../../tune/index.ts";
import type { TunedModel } from "../../tune/part.ts";
import { n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { modelText } from "../models/model-text.ts";
import type { ProjectFile } from "../project-file.ts";
import type { Around } from "./instruct-links.ts";

/** Whose recipe is scored, on what, and how often. */
export interface CrossValidated extends Around {
  readonly p: ProjectFile;
  readonly name: string;
  readonly base: string;
  /** Label of the documents. */
  readonly documents: string;
  readonly crossValidation: CrossValidationOptions;
}

/** The report's label. */
export const crossValidationLabel = (name: string): string => `cross-validation/${name}`;
const foldsLabel = (name: string, repeat: number): string => `folds/${name}/${repeat}`;
/** Does a link draw folds? It needs documents alone. */
const drawsFolds = ({ stage, label }: Link): boolean => stage === "cross-validate" && label.startsWith("folds/");

/** The same links with folds drawn as soon as their documents are there: what cannot be divided is refused before anything is tuned. */
export function withFoldsFirst(links: readonly Link[]): Link[] {
  const folds = links.filter(drawsFolds);
  const of = (l: Link) => folds.filter(f => f.inputs.documents === l.label);
  return links.flatMap(l => (drawsFolds(l) ? [] : [l, ...of(l)]));
}
const placeLabel = (name: string, { repeat, fold }: FoldPlace, of: string): string => `fold/${name}/${repeat}.${fold}/${of}`;

/** The model whose recipe a link trains on a fold; undefined of other links. */
export const foldedModelOf = (l: Pick<Link, "stage" | "label">): string | undefined =>
  l.stage === "cross-validate" ? /^fold\/([^/]+)\/[\d.]+\/seed-/.exec(l.label)?.[1] : undefined;

const few = (x: number): string => String(Number(x.toPrecision(4)));

interface Shared {
  readonly of: "classification" | "regression";
  readonly label: string;
  readonly seed: number | string;
  /** The measure that a line tells. */
  readonly shown: readonly [measure: string, name: string];
  folds(repeat: number, label: string): Link;
  run(at: FoldPlace, seed: number | string, label: string): Link;
  /** Absent where there are none. */
  readonly baselines?: ((at: FoldPlace, label: string) => Link) | undefined;
}

/** Of each repeat its folds, then fold by fold the baselines and the trainings; at the end the report. */
function linksOf({ name, crossValidation: o }: CrossValidated, shared: Shared): Link[] {
  const seeds = seedsOf(shared.seed, o.seeds);
  const [measure, called] = shared.shown;
  const inputs: Record<string, string> = { model: name };
  const links: Link[] = [];
  for (const at of placesOf(o)) {
    if (at.fold === 1) links.push(shared.folds(at.repeat, foldsLabel(name, at.repeat)));
    if (shared.baselines) {
      const label = placeLabel(name, at, "baselines");
      inputs[baselinesInput(at)] = label;
      links.push(shared.baselines(at, label));
    }
    for (const [i, seed] of seeds.entries()) {
      const label = placeLabel(name, at, `seed-${i + 1}`);
      inputs[runInput(at, i + 1)] = label;
      links.push(shared.run(at, seed, label));
    }
  }
  const { of, label } = shared;
  links.push(
    link({
      stage: "cross-validate",
      label: crossValidationLabel(name),
      inputs,
      definition: crossValidationStage({ ...o, hasBaselines: shared.baselines !== undefined }),
      options: () => ({ name, of, label, folds: o.folds ?? 1, repeats: o.repeats, seeds }),
      describe: s => {
        const interval = s[`${measure}Low`] === undefined ? "" : ` [${few(n(s, `${measure}Low`))}, ${few(n(s, `${measure}High`))}]`;
        return `${called} ${few(n(s, measure))}${interval} over ${countsText(o)}`;
      },
    }),
  );
  return links;
}

/** `5 folds x 2 repeats x 3 seeds`. */
export const countsText = ({
  folds,
  repeats,
  seeds,
}: Omit<CrossValidationOptions, "folds"> & { readonly folds?: number | undefined }): string =>
  [
    ...(folds !== undefined && folds > 1 ? [`${folds} folds`] : []),
    ...(repeats > 1 ? [`${repeats} repeats`] : []),
    ...(seeds > 1 ? [`${seeds} seeds`] : []),
  ].join(" x ");

const surroundings = ({ p, device, onProblem }: CrossValidated) => ({
  device,
  tokenizerOf: async (model: Parameters<typeof modelText>[0]) => (await modelText(model)).tokenizer,
  onProblem,
  eventsFolder: join(p.folder, ".loam", "tensorboard"),
});

const foldsText = (s: Summary): string =>
  n(s, "folds") === 1
    ? `the validation part, ${formatCount(n(s, "documents"))} documents`
    : `${formatCount(n(s, "documents"))} documents in ${n(s, "folds")} folds`;

/** Those of texts: a frozen base would be embedded anew for each fold. */
type Baselines = Exclude<Extract<TunedModel["tune"], { task: "classify" }>["baselines"][number], typeof frozenBaseline>[];

export function classCrossValidation(given: CrossValidated, recipe: ClassifyOptions, baselines: Baselines): Link[] {
  const { name, base, documents, crossValidation } = given;
  const labels = labelsOf(recipe);
  const common = { stage: "cross-validate" } as const;
  return linksOf(given, {
    of: "classification",
    label: recipe.label,
    seed: recipe.seed,
    shown: ["macroF1", "F1 (macro)"],
    folds: (repeat, label) =>
      link({
        ...common,
        label,
        inputs: { documents },
        definition: classFoldsStage,
        options: () => ({ labels, folds: crossValidation.folds ?? 1, repeat }),
        describe: foldsText,
      }),
    run: (at, seed, label) =>
      link({
        ...common,
        label,
        inputs: { base, documents, folds: foldsLabel(name, at.repeat) },
        definition: classFoldStage(surroundings(given)),
        options: () => ({ name, recipe, ...at, seed }),
        describe: s =>
          `F1 ${n(s, "macroF1").toFixed(3)} (macro), accuracy ${n(s, "accuracy").toFixed(3)} on ${formatCount(n(s, "documents"))} documents`,
      }),
    baselines:
      baselines.length === 0
        ? undefined
        : (at, label) =>
            link({
              ...common,
              label,
              inputs: { documents, folds: foldsLabel(name, at.repeat) },
              definition: classFoldBaselinesStage,
              options: () => ({ labels, baselines, ...at }),
              describe: s =>
                `F1 of ${Object.entries(s)
                  .map(([baseline, f1]) => `${baseline} ${Number(f1).toFixed(3)}`)
                  .join(", ")}`,
            }),
  });
}

/** Without a baseline where the mean of what was trained on is of no interest, as in a search. */
export function numberCrossValidation(given: CrossValidated, recipe: RegressOptions, hasBaseline = true): Link[] {
  const { name, base, documents, crossValidation } = given;
  const targets = targetsOf(recipe);
  const common = { stage: "cross-validate" } as const;
  return linksOf(given, {
    of: "regression",
    label: recipe.label,
    seed: recipe.seed,
    shown: ["mae", "MAE"],
    folds: (repeat, label) =>
      link({
        ...common,
        label,
        inputs: { documents },
        definition: numberFoldsStage,
        options: () => ({ targets, folds: crossValidation.folds ?? 1, repeat }),
        describe: foldsText,
      }),
    run: (at, seed, label) =>
      link({
        ...common,
        label,
        inputs: { base, documents, folds: foldsLabel(name, at.repeat) },
        definition: numberFoldStage(surroundings(given)),
        options: () => ({ name, recipe, ...at, seed }),
        describe: s => `MAE ${few(n(s, "mae"))}, RMSE ${few(n(s, "rmse"))} on ${formatCount(n(s, "documents"))} documents`,
      }),
    baselines: !hasBaseline
      ? undefined
      : (at, label) =>
          link({
            ...common,
            label,
            inputs: { documents, folds: foldsLabel(name, at.repeat) },
            definition: numberFoldBaselineStage,
            options: () => ({ targets, ...at }),
            describe: s => `MAE ${few(n(s, "mae"))} of the training mean`,
          }),
  });
}
