/** The links of an encoder that is tuned on pairs: its files of them, then base and pairs to an encoder. */
import { join } from "node:path";
import { formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import { embedStage, examplesFile, pairsStage } from "../../tune/index.ts";
import type { TunedModel } from "../../tune/part.ts";
import { n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { eightBits } from "../models/quantised-encoder.ts";
import type { ProjectFile } from "../project-file.ts";
import { encoderText, writeEncoder } from "./encoder-text.ts";
import type { Around } from "./instruct-links.ts";
import { textProofText } from "./proof-text.ts";

const three = (x: number): string => x.toFixed(3);

function describe(s: Summary): string {
  const scored = s.spearman === undefined ? "" : `, Spearman ${three(n(s, "baseSpearman"))} -> ${three(n(s, "spearman"))} on scored pairs`;
  return `${formatCount(n(s, "pairs"))} pairs, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation nDCG@10 ${three(n(s, "baseNdcg10"))} -> ${three(n(s, "validationNdcg10"))}, recall@1 ${three(n(s, "baseRecall1"))} -> ${three(n(s, "validationRecall1"))}${scored}${textProofText(s, "vector")}`;
}

export function embedLinks(
  p: ProjectFile,
  name: string,
  base: string,
  tune: Extract<TunedModel["tune"], { task: "embed" }>,
  { device, onProblem }: Around,
): Link[] {
  const { task: _, on, scored, columns, validation, heldOut, allowCrossing, ...recipe } = tune;
  const pairs = `pairs/${name}`;
  return [
    link({
      stage: "data",
      label: pairs,
      inputs: {},
      definition: pairsStage({ folder: p.folder }),
      options: async () => ({
        file: await examplesFile(p.folder, on),
        ...(scored === undefined ? {} : { scored: await examplesFile(p.folder, scored) }),
        ...(columns === undefined ? {} : { columns }),
        validation,
        ...(heldOut === undefined ? {} : { heldOut }),
        ...(allowCrossing ? { allowCrossing } : {}),
        seed: recipe.seed,
      }),
      describe: s =>
        `${formatCount(n(s, "train"))} pairs to train on, ${formatCount(n(s, "validation"))} to select by${s.heldOut ? `, ${formatCount(n(s, "heldOut"))} held out` : ""}${s.scored ? `, ${formatCount(n(s, "scored"))} scored${s.scoredTrained ? ` (${formatCount(n(s, "scoredTrained"))} of them trained on, which flatters)` : ""}` : ""}`,
    }),
    link({
      stage: "tune",
      label: name,
      inputs: { base, pairs },
      definition: embedStage({
        device,
        encoderOf: encoderText,
        writeEncoder,
        served: eightBits,
        onProblem,
        eventsFolder: join(p.folder, ".loam", "tensorboard"),
      }),
      options: () => ({ name, recipe }),
      describe,
    }),
  ];
}
