/**
 * What the report says of the data and needs no model, an artifact of its own: the baselines' answers on the test set (they learn from the validation part
 * too, having nothing to select), warnings about leaks, and how near the nearest training text of each test text is.
 */

import { z } from "zod";
import { type TextClassifierName, textClassifierNames, textClassifiers } from "../../evaluate/index.ts";
import type { ClassifierPooling } from "../../nn/index.ts";
import { stage } from "../../store/index.ts";
import { type DataWarning, dataWarnings, droppedCopies } from "./data-warnings.ts";
import { classReader, readExamples, readTest } from "./examples.ts";
import { nearestTrain } from "./nearest-train.ts";
import { type frozenBaseline, labelOptions } from "./options.ts";

/** How the frozen base was read, and what its linear model learnt from. */
export interface FrozenNote {
  readonly pooling: ClassifierPooling;
  /** Elements of a state. */
  readonly size: number;
  /** Inverse strength of the penalty, chosen on the validation part. */
  readonly c: number;
  /** Texts that it learnt from, of all that train or select. */
  readonly texts: number;
  readonly ofTexts: number;
}

export interface BaselineAnswers {
  readonly classes: readonly string[];
  readonly ids: readonly string[];
  readonly baselines: readonly {
    readonly name: TextClassifierName | typeof frozenBaseline;
    /** The greatest is the answer; no probabilities. */
    readonly predicted: readonly number[];
  }[];
  /** Where the frozen base is among them. */
  readonly frozen?: FrozenNote;
}
export const answersFile = "answers.json";

/** Of the data alone; absent in artifacts of earlier versions. */
export interface DataChecks {
  readonly warnings: readonly DataWarning[];
  /** Similarity of each test text to the training text that is most like it. */
  readonly nearest: readonly number[];
}
export const checksFile = "checks.json";

/** Attributes that curation makes of the text or of the split itself. */
const madeAttributes = ["cluster", "duplicates", "copies", "augmentedFrom"];

export const textBaselinesStage = stage({
  name: "text-baselines",
  version: 3,
  inputs: { documents: "documents" },
  options: z.strictObject({ labels: labelOptions, baselines: z.array(z.enum(textClassifierNames)) }),
  output: "baselines",
  async run({ inputs: { documents }, options: { labels, baselines }, output, runData, progress, signal }) {
    const { classes, train, validation } = await readExamples(documents, labels);
    const test = await readTest(documents, labels, classes);
    const known = [...train, ...validation].sort((a, b) => (a.id < b.id ? -1 : 1));
    const given = { texts: known.map(e => e.text), labels: known.map(e => e.label), classes: classes.length };
    const told: BaselineAnswers["baselines"][number][] = [];
    const times: Record<string, number> = {};
    for (const [i, name] of baselines.entries()) {
      signal.throwIfAborted();
      progress({ stage: "baselines", done: i / baselines.length, message: name });
      // let the terminal and Ctrl-C have their turn between long computations
      await new Promise(resolve => setImmediate(resolve));
      const started = performance.now();
      const classify = textClassifiers[name](given);
      const predicted = test.map(e => {
        const scores = classify(e.text);
        return scores.indexOf(Math.max(...scores));
      });
      told.push({ name, predicted });
      times[name] = Math.round(performance.now() - started);
    }
    runData.write("times.json", JSON.stringify(times));
    progress({ stage: "baselines", done: 1, message: "looking for leaks" });
    const checks: DataChecks = {
      warnings: dataWarnings({
        classes,
        train: known,
        test,
        dropped: await droppedCopies(documents, classReader(labels)),
        ignored: [labels.label, ...madeAttributes],
        allowNamed: labels.allowNamed,
      }),
      nearest: Array.from(
        nearestTrain(
          known.map(e => e.text),
          test.map(e => e.text),
        ),
        x => Math.round(x * 1e4) / 1e4,
      ),
    };
    await output.write(checksFile, `${JSON.stringify(checks)}\n`);
    const answers: BaselineAnswers = { classes, ids: test.map(e => e.id), baselines: told };
    await output.write(answersFile, `${JSON.stringify(answers)}\n`);
    const right = (predicted: readonly number[]) => predicted.reduce((n, p, i) => n + (p === test[i]!.label ? 1 : 0), 0);
    return Object.fromEntries(told.map(b => [b.name, Math.round((1e4 * right(b.predicted)) / test.length) / 1e4]));
  },
});
