/** Multi-label classification as a kind of tuning: `task: multilabel`. */
import { formatCount } from "../../base/index.ts";
import { judgedLabel, kindLink, type TuningKind } from "../kind/kind.ts";
import { textProofText } from "../kind/proof-text.ts";
import { fourDigits, summaryNumber as n } from "../kind/summary-text.ts";
import { evaluateMultiLabelStage } from "./evaluate-stage.ts";
import { readMultiLabel } from "./examples.ts";
import { judgeMultiLabelStage } from "./judge-stage.ts";
import { multiLabelTargetsOf } from "./options.ts";
import { type MultiLabelPart, multiLabelRow } from "./part.ts";
import type { MultiLabelReport } from "./report.ts";
import { multiLabelTable } from "./report-table.ts";
import { multiLabelStage } from "./stage.ts";

export const multiLabelKind: TuningKind<MultiLabelPart> = {
  ...multiLabelRow,
  links({ name, base, part: { task: _, on, ...recipe }, around }) {
    const documents = `data/${on}`;
    return [
      kindLink({
        stage: "tune",
        label: name,
        inputs: { base, documents },
        definition: multiLabelStage(around),
        options: () => ({ name, recipe }),
        describe: s =>
          `${formatCount(n(s, "texts"))} texts, ${n(s, "labels")} labels, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation mean average precision ${n(s, "validationAveragePrecision").toFixed(3)}${textProofText(s, "classes")}`,
      }),
      kindLink({
        stage: "evaluate",
        label: `evaluate/${name}`,
        inputs: { model: name, documents },
        definition: evaluateMultiLabelStage(around),
        options: () => ({ name, targets: multiLabelTargetsOf(recipe) }),
        describe: s =>
          `mean average precision ${n(s, "meanAveragePrecision").toFixed(3)}, F1 ${n(s, "macroF1").toFixed(3)} (macro), ${n(s, "microF1").toFixed(3)} (micro) on ${formatCount(n(s, "documents"))} test documents`,
      }),
    ];
  },
  stages: around => [multiLabelStage(around)],
  judge: {
    input: "documents",
    beside: [],
    unit: () => "bits a label",
    selectedBy: ({ labels, attribute }) => ({ labels, attribute: attribute ?? null }),
    link: ({ part, around }, asked) =>
      kindLink({
        stage: "evaluate",
        label: asked.label,
        inputs: { model: asked.model, documents: judgedLabel },
        definition: judgeMultiLabelStage(around),
        options: () => ({ half: asked.half, targets: multiLabelTargetsOf(part) }),
        describe: s => `${fourDigits(n(s, "loss"))} bits a label on ${formatCount(n(s, "documents"))} documents`,
      }),
    told: () => 1 / Math.LN2,
    texts: async (documents, part) => (await readMultiLabel(documents, multiLabelTargetsOf(part))).validation.map(t => t.text),
  },
  report: {
    task: "multi-label classification",
    mainScore(report: MultiLabelReport) {
      const own = report.scores.find(s => s.kind === "model");
      return own && { metric: "mean average precision", better: "higher", ...own.meanAveragePrecision };
    },
    table: (report: MultiLabelReport) => multiLabelTable(report),
  },
};
