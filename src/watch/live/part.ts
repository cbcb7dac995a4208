/** What `loam.yaml` may say of monitors (`watch:`) and of service level objectives (`slo:`). */
import { z } from "zod";
import { feedbackPart } from "../quality/part.ts";

const unitMs = { ms: 1, s: 1000, m: 60_000 } as const;
const form = /^(\d+(?:\.\d+)?)\s*(ms|s|m)$/;

/** A duration, as milliseconds. */
const duration = z
  .string()
  .regex(form, "a duration such as 250ms, 2s or 1m")
  .transform(text => {
    const [, number, unit] = form.exec(text)!;
    return Number(number) * unitMs[unit as keyof typeof unitMs];
  });

const settings = z.strictObject({
  alarmsPerDay: z
    .number()
    .gt(0)
    .max(24)
    .default(0.1)
    .describe("False alarms a day that all monitors of one version together may raise, on average."),
  texts: z.boolean().default(true).describe("Look for refusals, prompt injection and extraction in texts. Only counts are kept."),
  scoreEvery: z
    .union([z.literal(false), z.literal("sparse"), z.int().min(1)])
    .default("sparse")
    .describe(
      "Tokens whose log-probability is computed, for the NLL of answers: every n-th one, `sparse` (by the size of the vocabulary, below 0.5 microseconds per token on average) or `false` (none). Each costs a pass over the vocabulary.",
    ),
  drift: z
    .union([
      z.literal(false),
      z.strictObject({
        alpha: z.number().gt(0).max(0.5).default(0.05).describe("False-alarm rate of a version, over all looks while it is served."),
        every: z.int().min(1).max(720).default(24).describe("Hours between two looks."),
      }),
    ])
    .prefault({})
    .describe("Alarms where traffic differs from the version's training data (`false`: none)."),
  alertmanager: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: "Prometheus Alertmanager that is sent alarms (API v2).", examples: ["http://127.0.0.1:9093"] }),
  feedback: feedbackPart.prefault({}).describe("Labels that clients give to responses."),
});

export const watchPart = z.union([z.literal(false), settings]);
/** False: nothing is monitored. */
export type WatchConfig = z.output<typeof watchPart>;
export type WatchSettings = z.output<typeof settings>;
export const watchDefaults: WatchSettings = settings.parse({});

const objective = z.strictObject({
  objective: z
    .number()
    .gt(0)
    .lt(1)
    .meta({ description: "Share of responses that must be good.", examples: [0.999] }),
  window: z.int().min(1).max(90).default(30).describe("Days that the error budget is for."),
  model: z.string().min(1).optional().describe("Model whose responses count. Default: all."),
  firstToken: duration.optional().meta({ description: "A good response has its first token within this time.", examples: ["500ms"] }),
  latency: duration.optional().meta({ description: "A good response ends within this time.", examples: ["10s"] }),
});
export const sloPart = z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, "a short name of letters, digits and -"), objective);
export type SloConfig = z.output<typeof sloPart>;
