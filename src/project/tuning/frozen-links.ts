/** The links of the frozen base as a baseline: its states of the data set's texts, and a linear model of them. */

import { formatCount } from "../../base/index.ts";
import type { ArtifactReader, Summary } from "../../store/index.ts";
import {
  type ClassifyOptions,
  frozenBaselineStage,
  frozenRegression,
  frozenRegressionStage,
  frozenStatesStage,
  labelsOf,
  type RegressOptions,
  type TuneSurroundings,
  targetsOf,
} from "../../tune/index.ts";
import { n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { poolingOf, saysVectors } from "../serving/read-encoder.ts";

/** How the base's own files make a text's states one. */
export const ownPooling = async (base: ArtifactReader) =>
  (await saysVectors(base)) && (await poolingOf(base)) === "cls" ? "first" : "mean";

export const accuracyText = (s: Summary): string =>
  `accuracy of ${Object.entries(s)
    .map(([baseline, accuracy]) => `${baseline} ${Number(accuracy).toFixed(3)}`)
    .join(", ")}`;

interface Frozen extends Pick<TuneSurroundings, "device" | "tokenizerOf"> {
  readonly name: string;
  readonly base: string;
  /** The data set. */
  readonly on: string;
}

export const statesText = (s: Summary): string => `${formatCount(n(s, "texts"))} texts, ${s.pooling} of states of ${n(s, "size")} elements`;

/** The same of numbers. */
export function frozenRegressionLinks(o: Frozen & { readonly recipe: RegressOptions }): Link[] {
  const { name, base, on, recipe, device, tokenizerOf } = o;
  const documents = `data/${on}`;
  return [
    link({
      stage: "baselines",
      label: `states/${name}`,
      inputs: { base, documents },
      definition: frozenStatesStage({ device, tokenizerOf, poolingOf: ownPooling }),
      options: () => ({ label: recipe.label, kind: "numbers" as const, length: recipe.length }),
      describe: statesText,
    }),
    link({
      stage: "baselines",
      label: `frozen/${name}`,
      inputs: { documents, states: `states/${name}` },
      definition: frozenRegressionStage,
      options: () => ({ targets: targetsOf(recipe) }),
      describe: s => `${frozenRegression}: MAE ${Number(n(s, "mae").toPrecision(4))}`,
    }),
  ];
}

export function frozenLinks({ name, base, on, recipe, device, tokenizerOf }: Frozen & { readonly recipe: ClassifyOptions }): Link[] {
  const documents = `data/${on}`;
  return [
    link({
      stage: "baselines",
      label: `states/${name}`,
      inputs: { base, documents },
      definition: frozenStatesStage({ device, tokenizerOf, poolingOf: ownPooling }),
      options: () => ({
        label: recipe.label,
        ...(recipe.classes ? { classes: recipe.classes } : {}),
        kind: "classes" as const,
        length: recipe.length,
      }),
      describe: statesText,
    }),
    link({
      stage: "baselines",
      label: `frozen/${name}`,
      inputs: { documents, states: `states/${name}`, baselines: `baselines/${name}` },
      definition: frozenBaselineStage,
      options: () => ({ labels: labelsOf(recipe) }),
      describe: accuracyText,
    }),
  ];
}
