/** `loop:` of `loam.yaml`, by the name of a tuned model: when it is retrained, on what, and what a new version must show before it takes over. */
import { z } from "zod";

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const form = /^(\d+(?:\.\d+)?)(s|m|h|d)$/;
const longestMs = 3660 * unitMs.d;

function millisecondsOf(text: string): number | undefined {
  const [, number, unit] = form.exec(text) ?? [];
  return number === undefined ? undefined : Math.round(Number(number) * unitMs[unit as keyof typeof unitMs]);
}

const time = z
  .string()
  .refine(text => {
    const ms = millisecondsOf(text);
    return ms !== undefined && ms <= longestMs;
  }, "a time such as 30s, 5m, 12h or 7d, at most 3660d")
  .transform(text => millisecondsOf(text)!);
/** A time with a default, which is written as the file would. */
const timeOr = (otherwise: string) => time.prefault(otherwise);

const share = z.number().min(0).max(1);
const whole = z.number().int().min(1);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, "a short name of letters, digits and -");

const lossNames = ["logLoss", "errorRate", "loss"] as const;
export type LossName = (typeof lossNames)[number];
const loss = z.enum(lossNames).default("logLoss");

const dataPolicy = z.strictObject({
  new: name.meta({ description: "Data set with the new labelled documents; its source grows.", examples: ["arrivals"] }),
  time: z.string().min(1).default("date").describe("Attribute with the time of a document: a date, or milliseconds since 1970."),
  feedback: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({
      description:
        "Attribute with the id of a new document's request. A document without a class gets the one that trusted sources of feedback gave to that request.",
      examples: ["request"],
    }),
  least: whole.default(100).describe("Least new documents for a round."),
  replay: share
    .max(0.95)
    .default(0.5)
    .describe(
      "Share of the training documents that are drawn from earlier data: the model's own data set and new documents of earlier rounds.",
    ),
  recent: z.number().min(0.05).max(0.5).default(0.25).describe("Share of the new documents that are held out as the recent test set."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed of the replay sample and of the recent set."),
});

const signals = z.strictObject({
  quality: z
    .strictObject({
      metric: loss.describe(
        "Loss that is watched: `logLoss` (nats per document) or `errorRate` for classes, the validation `loss` for other tasks.",
      ),
      worse: z.number().min(0).default(0).describe("Rise above the loss on the model's own test set that is still accepted."),
      least: whole.default(50).describe("Least labelled documents between two looks."),
      alpha: z.number().gt(0).max(0.5).default(0.05).describe("False-alarm rate, over all looks since the last round."),
    })
    .optional()
    .describe("Quality on labelled documents since the version was made."),
  drift: z
    .strictObject({
      severity: z.enum(["ticket", "page"]).default("ticket").describe("Least severity of an open drift alarm that starts a round."),
    })
    .optional()
    .describe("Open drift alarms of the monitors."),
});

const gates = z.strictObject({
  metric: loss.describe("Loss that is compared, document by document, with the current version's."),
  frozen: z.number().min(0).default(0.02).describe("Accepted rise of the loss on the frozen test set (non-inferiority margin)."),
  recent: z
    .union([z.number().min(0), z.literal("not worse")])
    .default(0.005)
    .describe("Least fall of the loss on the recent test set. `not worse`: promote without a proven gain, with the margin of `frozen`."),
  alpha: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.05)
    .describe("Level of each of both comparisons (one-sided). Rounds that the schedule began share it while the same version is current."),
});

const shadow = z.strictObject({
  share: z.number().int().min(1).max(100).default(100).describe("Percent of the requests that are copied to the new version."),
  requests: whole.default(100).describe("Copied requests before the canary."),
  errors: share.default(0.05).describe("Accepted error rate above the current version's."),
  longest: timeOr("1d").describe("Longest time; then the round is held."),
});

const canary = z.strictObject({
  share: z.number().int().min(1).max(99).default(10).describe("Percent of the users who get the new version."),
  alpha: z.number().gt(0).max(0.5).default(0.05).describe("Level of the test, over all metrics and looks."),
  errors: share.default(0.02).describe("Accepted error rate above the current version's."),
  latency: z
    .union([z.number().min(1), z.literal("off")])
    .default(2)
    .describe("Accepted factor of the 99th percentile of the latency, or `off`."),
  quality: z.number().min(0).optional().describe("Accepted rise of the loss by labels of feedback. Default: labels do not count."),
  leastEffect: share.default(0).describe("Differences below this size are not harm."),
  warmup: z.number().int().min(0).default(20).describe("First requests of each arm that are left out."),
  requests: whole.default(10_000).describe("Most requests of both arms; then the test is undecided and the round is held."),
  longest: timeOr("2d").describe("Longest time; then the test is undecided and the round is held."),
});

const budget = z.strictObject({
  unit: z.enum(["core-seconds", "money"]).default("core-seconds").describe("Unit: processor time, or money by `prices`."),
  round: z.number().positive().optional().describe("Most for one round."),
  month: z.number().positive().optional().describe("Most for a calendar month (UTC)."),
});

export const loopPolicy = z.strictObject({
  alias: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "an alias")
    .default("prod")
    .describe("Alias that the loop promotes to; its `releases` rules hold."),
  data: dataPolicy.describe("Data of a round."),
  signals: signals.prefault({}).describe("Signals that start a round."),
  every: time.optional().meta({ description: "Start a round after this time without one.", examples: ["7d"] }),
  cooldown: timeOr("1d").describe("Least time between two rounds."),
  start: z.enum(["current", "base"]).default("current").describe("Continue from the current version, or start from the model's base."),
  gates: gates.prefault({}).describe("Comparison with the current version on the frozen and the recent test set."),
  shadow: shadow.optional().describe("Copied requests, whose responses nobody gets. Default: none."),
  canary: canary.optional().describe("Users who get the new version, under a sequential test. Default: none."),
  budget: budget.prefault({}).describe("Most that training may cost."),
  failures: whole.default(3).describe("Failed rounds in a row that pause the loop."),
  server: z.string().url().optional().describe("Model server that is directed. Default: the project's own."),
});
export type LoopPolicy = z.output<typeof loopPolicy>;

/** `loop:` of the project file, by model. */
export const loopPart = z.record(name, loopPolicy);
