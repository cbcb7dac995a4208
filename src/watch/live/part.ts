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

const samples = z.strictObject({
  share: z.number().gt(0).max(1).default(0.01).describe("Share of responses of which an example is kept, drawn by the server."),
  most: z.int().min(1).max(10_000).default(200).describe("Examples kept of a version; the oldest are deleted first."),
  bytes: z.int().min(1_000).max(100_000_000).default(1_000_000).describe("Bytes kept of a version's examples."),
  days: z.int().min(1).max(90).default(7).describe("Days after which an example is deleted."),
  characters: z
    .int()
    .min(100)
    .max(20_000)
    .default(2_000)
    .describe("Characters kept of a text: the end of a prompt, the beginning of an answer."),
  names: z.boolean().default(true).describe("Mask names and places too, beside secrets and identifiers, which always are."),
});
export type SampleSettings = z.output<typeof samples>;

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
  samples: z
    .union([z.literal(false), samples])
    .default(false)
    .describe(
      "Keep redacted examples of requests and responses. Default `false`: no text is kept, and examples that were kept before are deleted.",
    ),
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
