/** An encoder tuned on pairs as a kind of tuning: `task: embed`. */
import { defined, formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import { examplesFile } from "../instruct/examples-stage.ts";
import { judgedLabel, kindLink, type TuningKind } from "../kind/kind.ts";
import { textProofText } from "../kind/proof-text.ts";
import { summaryNumber as n } from "../kind/summary-text.ts";
import { validationTexts } from "../study/example-texts.ts";
import { pairHalvesStage, searchPairsStage } from "../study/pair-halves.ts";
import { judgeVectorsStage } from "./judge-stage.ts";
import { pairsStage } from "./pairs-stage.ts";
import { type EmbedPart, embedRow } from "./part.ts";
import { embedStage } from "./stage.ts";

const three = (x: number): string => x.toFixed(3);
const heldOutText = (s: Summary): string => (s.heldOut ? `, ${formatCount(n(s, "heldOut"))} held out` : "");
const scoredText = (s: Summary): string =>
  s.scored
    ? `, ${formatCount(n(s, "scored"))} scored${s.scoredTrained ? ` (${formatCount(n(s, "scoredTrained"))} of them trained on, which flatters)` : ""}`
    : "";

function describe(s: Summary): string {
  const scored = s.spearman === undefined ? "" : `, Spearman ${three(n(s, "baseSpearman"))} -> ${three(n(s, "spearman"))} on scored pairs`;
  return `${formatCount(n(s, "pairs"))} pairs, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation nDCG@10 ${three(n(s, "baseNdcg10"))} -> ${three(n(s, "validationNdcg10"))}, recall@1 ${three(n(s, "baseRecall1"))} -> ${three(n(s, "validationRecall1"))}${scored}${textProofText(s, "vector")}`;
}

export const embedKind: TuningKind<EmbedPart> = {
  ...embedRow,
  links({ name, base, part: own, around }) {
    const { task: _, on, scored, columns, validation, heldOut, allowCrossing, ...recipe } = own;
    const { folder } = around;
    const pairs = `pairs/${name}`;
    return [
      kindLink({
        stage: "data",
        label: pairs,
        inputs: {},
        definition: pairsStage({ folder }),
        options: async () => ({
          file: await examplesFile(folder, on),
          ...(scored === undefined ? {} : { scored: await examplesFile(folder, scored) }),
          ...defined({ columns }),
          validation,
          ...defined({ heldOut }),
          ...(allowCrossing ? { allowCrossing } : {}),
          seed: recipe.seed,
        }),
        describe: s =>
          `${formatCount(n(s, "train"))} pairs to train on, ${formatCount(n(s, "validation"))} to select by${heldOutText(s)}${scoredText(s)}`,
      }),
      kindLink({
        stage: "tune",
        label: name,
        inputs: { base, pairs },
        definition: embedStage(around),
        options: () => ({ name, recipe }),
        describe,
      }),
    ];
  },
  stages: around => [embedStage(around)],
  judge: {
    input: "pairs",
    file: { halving: pairHalvesStage, dividing: searchPairsStage },
    beside: ["base"],
    unit: () => "nats an anchor",
    link: ({ part: { temperature, length }, around }, asked) =>
      kindLink({
        stage: "evaluate",
        label: asked.label,
        inputs: { model: asked.model, judged: judgedLabel },
        definition: judgeVectorsStage(around),
        options: () => ({ half: asked.half, temperature, length }),
        describe: s =>
          `loss ${s.loss} on ${s.documents} documents, nDCG@10 ${three(Number(s.ndcg10))}, recall@1 ${three(1 - Number(s.errors))}`,
      }),
    told: ({ part: own }, { part: study }) => (own.temperature === study.temperature && own.length === study.length ? 1 : undefined),
    texts: validationTexts,
  },
};
