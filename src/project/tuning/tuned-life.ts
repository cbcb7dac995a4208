/** The links of a tuned model's life: its base's up to the trained model, its data set, then what the row of its task needs. */
import { dataSetOf, madeOf, type TunedModel, tuningKindOf } from "../../tune/index.ts";
import { dataLinksOf } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import type { ProjectFile } from "../project-file.ts";
import { throughPurpose } from "../purpose-links.ts";
import { tunedSketchLinks } from "../sketches/index.ts";
import { baseLink } from "./base-link.ts";
import { surroundingsOf, type TuningRun } from "./surroundings.ts";

/** From base and data to the model, and its report. */
export const tuneLinks = (p: ProjectFile, name: string, { base, tune }: TunedModel, run: TuningRun): Link[] =>
  tuningKindOf(tune)
    .links({ name, base, part: tune, around: surroundingsOf(p, run) })
    .map(link);

/** `lifeOf` gives the life of another model of the file. */
export function tunedLife(p: ProjectFile, name: string, run: TuningRun, lifeOf: (model: string) => Link[]): Link[] {
  const tuned = p.config.tuned[name]!;
  const links: Link[] = [];
  const append = (more: readonly Link[]) => {
    const labels = new Set(links.map(l => l.label));
    links.push(...more.filter(l => !labels.has(l.label)));
  };
  for (const model of madeOf(tuned)) {
    const isOwn = Object.hasOwn(p.config.models, model) || Object.hasOwn(p.config.tuned, model);
    const life = isOwn ? lifeOf(model) : [baseLink(model, model === tuned.base ? `${name}.base` : `${name}.tune.teacher`)];
    append(life.slice(0, life.findIndex(l => l.label === model) + 1));
  }
  const dataSet = dataSetOf(tuned.tune);
  if (dataSet !== undefined) append(dataLinksOf(p, dataSet));
  const own = tuneLinks(p, name, tuned, run);
  const made = own.findIndex(l => l.label === name) + 1;
  const all = [...own.slice(0, made), ...tunedSketchLinks(name, tuned, own), ...own.slice(made)];
  append(tuned.purpose && dataSet !== undefined ? throughPurpose(all, { model: name, on: dataSet, rule: tuned.purpose }) : all);
  return links;
}
