/** What `loam.yaml` may say of feedback: `watch: feedback:`. */
import { z } from "zod";

const days = (most: number) => z.int().min(1).max(most);

export const feedbackPart = z.strictObject({
  trusted: z
    .array(
      z.union([
        z.string().min(1),
        z.strictObject({
          source: z.string().min(1).describe("Name of the source, as feedback gives it."),
          from: z.array(z.string().min(1)).min(1).describe("Owners whose feedback of this source is trusted: `user:NAME`, `team:NAME`."),
        }),
      ]),
    )
    .default([])
    .meta({
      description:
        "Sources whose labels may retrain a model alone: a name (from any owner of a request), or a name with the owners it is trusted from. Labels of other sources count in figures only.",
      examples: [["reviewers"]],
    }),
  requestDays: days(365).default(30).describe("Days for which a request is remembered, so that feedback can be given."),
  labelDays: days(3650).default(365).describe("Days for which labels are kept."),
});
export type FeedbackConfig = z.output<typeof feedbackPart>;

export const feedbackDefaults: FeedbackConfig = feedbackPart.parse({});

/** Whether a source is declared as trusted for an owner. */
export const isTrustedSource = ({ trusted }: FeedbackConfig, source: string, owner: string | null): boolean =>
  trusted.some(t => (typeof t === "string" ? t === source : t.source === source && owner !== null && t.from.includes(owner)));
