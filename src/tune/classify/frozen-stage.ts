/**
 * Logistic regression on the states of the base that is tuned, frozen: whether tuning its weights is worth more than reading it. Its answers are put beside
 * those of the other baselines.
 */

import { z } from "zod";
import { stage } from "../../store/index.ts";
import { frozenBaseline } from "../classify/options.ts";
import { type ProbeTexts, probeClasses } from "../frozen/probe.ts";
import { readStates } from "../frozen/states-stage.ts";
import { greatestIndex } from "../text-head/predict.ts";
import { answersFile, type BaselineAnswers, checksFile, type FrozenNote } from "./baselines-stage.ts";
import { type DescribedExample, readExamples, readTest } from "./examples.ts";
import { labelOptions } from "./options.ts";

export const frozenBaselineStage = stage({
  name: "frozen-baseline",
  version: 1,
  inputs: { documents: "documents", states: "states", baselines: "baselines" },
  options: z.strictObject({ labels: labelOptions }),
  output: "baselines",
  async run({ inputs, options: { labels }, output, runData, progress, signal }) {
    const { classes, train, validation } = await readExamples(inputs.documents, labels);
    const test = await readTest(inputs.documents, labels, classes);
    const states = await readStates(inputs.states);
    progress({ stage: "baselines", done: 0, message: frozenBaseline });
    const started = performance.now();
    const read = (examples: readonly DescribedExample[]): ProbeTexts => {
      // the order of what is summed must not depend on which side a document came from
      const own = examples.filter(e => states.of(e.id)).sort((a, b) => (a.id < b.id ? -1 : 1));
      return { states: own.map(e => states.of(e.id)!), targets: own.map(e => e.label) };
    };
    const [fitted, held] = [read(train), read(validation)];
    const probe = await probeClasses(fitted, held, classes.length, signal);
    const predicted = test.map(e => greatestIndex(probe.scores(states.of(e.id)!)));
    runData.write("times.json", JSON.stringify({ [frozenBaseline]: Math.round(performance.now() - started) }));
    const others = JSON.parse((await inputs.baselines.read(answersFile)).toString("utf8")) as BaselineAnswers;
    const frozen: FrozenNote = {
      pooling: states.pooling,
      size: states.size,
      c: probe.strength,
      texts: fitted.states.length + held.states.length,
      ofTexts: train.length + validation.length,
    };
    const answers: BaselineAnswers = { ...others, baselines: [...others.baselines, { name: frozenBaseline, predicted }], frozen };
    await output.write(checksFile, await inputs.baselines.read(checksFile));
    await output.write(answersFile, `${JSON.stringify(answers)}\n`);
    const right = predicted.reduce((n, p, i) => n + (p === test[i]!.label ? 1 : 0), 0);
    return { [frozenBaseline]: Math.round((1e4 * right) / test.length) / 1e4 };
  },
});
