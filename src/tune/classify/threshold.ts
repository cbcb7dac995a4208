/** The threshold that a classifier's costs choose on its validation part, as tuning kept that part's answers. */
import { nearest } from "../../base/index.ts";
import { type CostRule, type ThresholdReport, thresholdReport } from "../../evaluate/index.ts";
import { type ClassifierConfig, configFile, type ModelConfig, readModelConfig, withClassifier, writeModelConfig } from "../../nn/index.ts";
import type { ArtifactReader, ArtifactWriter, RunDataWriter } from "../../store/index.ts";
import { metricsFile } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";

/** Classes that a message names. */
const mostNamed = 20;

/** Texts of known classes (indices) with a probability a class. */
interface Classified {
  readonly labels: Int32Array;
  readonly probabilities: readonly (readonly number[])[];
}

/** Where a tuned model keeps what it says of its validation part. */
export const validationFile = "validation.jsonl";

export async function validationOf(
  model: ArtifactReader,
  classes: readonly string[],
): Promise<Classified & { readonly ids: readonly string[] }> {
  const lines = (await model.read(validationFile)).toString("utf8").split("\n").filter(Boolean);
  const rows = lines.map(line => JSON.parse(line) as { readonly id: string; readonly label: string; readonly scores: readonly number[] });
  return { ids: rows.map(r => r.id), labels: Int32Array.from(rows, r => classes.indexOf(r.label)), probabilities: rows.map(r => r.scores) };
}

/** The index of the class that costs are about. Errors: tune/labels for one that is none. */
export function positiveIn({ positive }: Pick<CostRule, "positive">, classes: readonly string[]): number {
  const own = classes.indexOf(positive);
  if (own >= 0) return own;
  const near = nearest(positive, classes);
  throw tuneErrors.fail("labels", {
    place: "tune.costs.positive",
    expected: `one of the classes ${classes.slice(0, mostNamed).join(", ")}${classes.length > mostNamed ? ` and ${classes.length - mostNamed} more` : ""}`,
    received: JSON.stringify(positive),
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Chosen on some texts, told on others. Errors: tune/labels for a positive class that is none; evaluate/classes where the first have one side only. */
export function thresholdBy(costs: CostRule, classes: readonly string[], choosing: Classified, told: Classified): ThresholdReport {
  const own = positiveIn(costs, classes);
  const scored = ({ labels, probabilities }: Classified) => ({
    positive: Array.from(labels, l => l === own),
    score: probabilities.map(p => p[own]!),
  });
  return thresholdReport(costs, scored(choosing), scored(told));
}

/** A tuned model's configuration as a classifier of one class of several. Errors: tune/base for another model. */
export async function tunedClassifier(
  tuned: ArtifactReader,
): Promise<{ readonly model: ModelConfig; readonly classifier: ClassifierConfig }> {
  const model = await readModelConfig(tuned);
  const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
  if (classifier?.kind === "one") return { model, classifier };
  throw tuneErrors.fail("base", { place: tuned.id, expected: "a classifier", received: `a model of family "${model.family}"` });
}

interface Written {
  readonly tuned: ArtifactReader;
  readonly model: ModelConfig;
  readonly output: ArtifactWriter;
  readonly runData: RunDataWriter;
}

/** The files of a tuned model as they are, but for what its configuration says of its classes. */
export async function writeClassifier({ tuned, model, output, runData }: Written, classifier: ClassifierConfig): Promise<void> {
  await writeModelConfig(output, withClassifier(model, classifier));
  for (const { name } of tuned.files) if (name !== configFile) await output.writeStream(name, tuned.stream(name));
  const metrics = await tuned.runData?.(metricsFile);
  if (metrics !== undefined) runData.write(metricsFile, metrics);
}
