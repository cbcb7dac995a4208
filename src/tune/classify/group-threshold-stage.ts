/**
 * A tuned classifier that decides about one class by thresholds of groups: the files of the tuned one as they are, and the thresholds in its configuration, with
 * the common one that costs choose where there are costs. Other thresholds train nothing again.
 */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { stage } from "../../store/index.ts";
import { readExamples } from "./examples.ts";
import { checkGroupThresholds, chooseGroupThresholds } from "./group-thresholds.ts";
import { costOptions, labelOptions, thresholdOptions } from "./options.ts";
import { thresholdBy, tunedClassifier, validationOf, writeClassifier } from "./threshold.ts";

const round = (x: number): number => Number(x.toPrecision(6));

export const groupThresholdStage = stage({
  name: "tune-group-thresholds",
  version: 1,
  inputs: { tuned: "model", documents: "documents" },
  options: z.strictObject({
    name: z.string(),
    labels: labelOptions,
    costs: costOptions.optional(),
    thresholds: thresholdOptions.extend({ positive: z.string() }),
  }),
  output: "model",
  async run({ inputs: { tuned, documents }, options: { labels, costs, thresholds: rule }, output, runData }) {
    const { model, classifier } = await tunedClassifier(tuned);
    const classes = classifier.labels;
    const { validation: texts } = await readExamples(documents, labels);
    checkGroupThresholds(rule, texts, classes, `${documents.id}: thresholds`);
    const validation = await validationOf(tuned, classes);
    const rows = new Map(validation.ids.map((id, i) => [id, validation.probabilities[i]!]));
    // the tuning kept a line for every text of the part
    const probabilities = texts.map(e => rows.get(e.id)!);
    const chosen = chooseGroupThresholds(rule, costs, texts, { classes, probabilities });
    const cheapest = costs && thresholdBy(costs, classes, validation, validation).rows.find(r => r.by === "cheapest")!;
    await writeClassifier(
      { tuned, model, output, runData },
      {
        ...classifier,
        ...(cheapest ? { threshold: { label: rule.positive, at: cheapest.threshold } } : {}),
        groupThresholds: chosen.thresholds,
      },
    );
    const shown = chosen.thresholds.groups.map(g => `${g.group} ${g.at === null ? "never" : g.at.toFixed(4)}`).join(", ");
    return {
      ...tuned.summary,
      positive: rule.positive,
      decidesBy: rule.group,
      goal: rule.goal,
      groupThresholds: shown,
      ...defined({ threshold: cheapest?.threshold }),
      validationGap: round(chosen.gap),
      isWithinBound: chosen.isWithinBound,
    };
  },
});
