/** Ridge regression on the states of the base that is tuned, frozen: the baseline of a model that gives numbers. */
import { z } from "zod";
import { stage } from "../../store/index.ts";
import { type ProbeTexts, probeNumbers } from "../frozen/probe.ts";
import { readStates } from "../frozen/states-stage.ts";
import { frozenRegression } from "../regress/options.ts";
import { type MeasuredText, readMeasured, readMeasuredTest } from "./examples.ts";
import { targetOptions } from "./options.ts";
import { type FrozenNumbers, frozenNumbersFile } from "./report.ts";

export const frozenRegressionStage = stage({
  name: "frozen-regression",
  version: 1,
  inputs: { documents: "documents", states: "states" },
  options: z.strictObject({ targets: targetOptions }),
  output: "baselines",
  async run({ inputs: { documents, states: artifact }, options: { targets }, output, runData, progress, signal }) {
    const { train, validation } = await readMeasured(documents, targets);
    const test = await readMeasuredTest(documents, targets);
    const states = await readStates(artifact);
    progress({ stage: "baselines", done: 0, message: frozenRegression });
    const started = performance.now();
    const read = (texts: readonly MeasuredText[]): ProbeTexts => {
      const own = texts.filter(t => states.of(t.id)).sort((a, b) => (a.id < b.id ? -1 : 1));
      return { states: own.map(t => states.of(t.id)!), targets: own.map(t => t.value) };
    };
    const [fitted, held] = [read(train), read(validation)];
    const probe = await probeNumbers(fitted, held, signal);
    const answers: FrozenNumbers = {
      predicted: test.map(t => probe.scores(states.of(t.id)!)[0]!),
      pooling: states.pooling,
      size: states.size,
      alpha: probe.strength,
      texts: fitted.states.length + held.states.length,
      ofTexts: train.length + validation.length,
    };
    runData.write("times.json", JSON.stringify({ [frozenRegression]: Math.round(performance.now() - started) }));
    await output.write(frozenNumbersFile, `${JSON.stringify(answers)}\n`);
    const mae = answers.predicted.reduce((sum, p, i) => sum + Math.abs(p - test[i]!.value), 0) / test.length;
    return { mae: Number(mae.toPrecision(6)), alpha: probe.strength };
  },
});
