/**
 * The log of a training of one's own: any numbers, by step, as JSON lines. They lie in the stage's scratch folder while it runs, where the
 * console reads them, and become `metrics.jsonl` of its run data, or of its artifact where the stage gives that.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StageContext } from "../store/index.ts";
import { trainErrors } from "./errors.ts";
import { metricsFile } from "./metrics.ts";

/** Where the numbers end: beside the artifact, whose digest then does not depend on times and speeds among them, or in it. */
type MetricsEnd = Pick<StageContext<never, never>, "runData"> | Pick<StageContext<never, never>, "output">;

export interface OwnMetrics {
  /** Notes numbers under names of one's own; what is not finite is left out, as a gap. Errors: train/metric. */
  log(step: number, values: Readonly<Record<string, number>>): void;
  /** Writes what was logged into the run data (`output`: into the artifact): once, at the end. */
  write(): Promise<void>;
}

const isStep = (step: number): boolean => Number.isSafeInteger(step) && step >= 0;
const place = (step: number): string => `metrics of step ${step}`;

/**
 * Opens the log of a stage, in its `run`. A stage that goes on from a checkpoint says the step it stands at: later lines are dropped, since they will
 * be logged again. Errors: train/metric.
 * @example
 * const metrics = openMetrics(context);
 * metrics.log(1, { loss: 2.3, accuracy: 0.4 });
 * await metrics.write();
 */
export function openMetrics({ scratch, ...end }: Pick<StageContext<never, never>, "scratch"> & MetricsEnd, fromStep = 0): OwnMetrics {
  if (!isStep(fromStep))
    throw trainErrors.fail("metric", { place: "openMetrics", expected: "a whole step from 0", received: String(fromStep) });
  const path = join(scratch, metricsFile);
  mkdirSync(scratch, { recursive: true });
  // a torn last line (killed while writing) goes too
  const before = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
  const kept = before.filter(line => (JSON.parse(line) as { readonly step: number }).step <= fromStep);
  writeFileSync(path, kept.map(line => `${line}\n`).join(""));
  let last = fromStep === 0 ? -1 : fromStep;
  return {
    log(step, values) {
      if (!isStep(step) || step <= last)
        throw trainErrors.fail("metric", { place: place(step), expected: `a whole step above ${last}`, received: String(step) });
      const wrong = Object.entries(values).find(([name, v]) => typeof v !== "number" || name === "step");
      if (wrong)
        throw trainErrors.fail("metric", {
          place: `${place(step)}: ${wrong[0]}`,
          expected: wrong[0] === "step" ? "another name: step is the axis" : "a number",
          received: JSON.stringify(wrong[1]) ?? String(wrong[1]),
        });
      last = step;
      appendFileSync(
        path,
        `${JSON.stringify({ step, ...Object.fromEntries(Object.entries(values).filter(([, v]) => Number.isFinite(v))) })}\n`,
      );
    },
    async write() {
      if ("runData" in end) end.runData.write(metricsFile, readFileSync(path, "utf8"));
      else await end.output.write(metricsFile, readFileSync(path));
    },
  };
}
