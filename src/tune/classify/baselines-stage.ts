/** The baselines' answers on the test part, an artifact of their own: they depend on no model. They learn from the validation part too, having nothing to select. */
import { z } from "zod";
import { type TextClassifierName, textClassifierNames, textClassifiers } from "../../evaluate/index.ts";
import { stage } from "../../store/index.ts";
import { readExamples, readTest } from "./examples.ts";
import { labelOptions } from "./options.ts";

export interface BaselineAnswers {
  readonly classes: readonly string[];
  readonly ids: readonly string[];
  readonly baselines: readonly {
    readonly name: TextClassifierName;
    /** The greatest is the answer; no probabilities. */
    readonly predicted: readonly number[];
    readonly ms: number;
  }[];
}
export const answersFile = "answers.json";

export const textBaselinesStage = stage({
  name: "text-baselines",
  version: 1,
  inputs: { documents: "documents" },
  options: z.strictObject({ labels: labelOptions, baselines: z.array(z.enum(textClassifierNames)) }),
  output: "baselines",
  async run({ inputs: { documents }, options: { labels, baselines }, output, progress, signal }) {
    const { classes, train, validation } = await readExamples(documents, labels);
    const test = await readTest(documents, labels, classes);
    const known = [...train, ...validation].sort((a, b) => (a.id < b.id ? -1 : 1));
    const given = { texts: known.map(e => e.text), labels: known.map(e => e.label), classes: classes.length };
    const told: BaselineAnswers["baselines"][number][] = [];
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
      told.push({ name, predicted, ms: Math.round(performance.now() - started) });
    }
    const answers: BaselineAnswers = { classes, ids: test.map(e => e.id), baselines: told };
    await output.write(answersFile, `${JSON.stringify(answers)}\n`);
    const right = (predicted: readonly number[]) => predicted.reduce((n, p, i) => n + (p === test[i]!.label ? 1 : 0), 0);
    return Object.fromEntries(told.map(b => [b.name, Math.round((1e4 * right(b.predicted)) / test.length) / 1e4]));
  },
});
