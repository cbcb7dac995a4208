/** How `loam.yaml` writes augmentation: a list of methods with the documents that each is given, and what holds for all of them. */

import { z } from "zod";
import { writtenAs } from "../../base/part.ts";
import { type AugmentMethodName, augmentMethodNames, methodParts } from "./method-parts.ts";
import { endpointOptions } from "./upstream/options.ts";

/** Part of the ids of what is made: `mail:7+typing.1`. */
const shortName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, "a short name of small letters, digits and -");

const row = z.strictObject({
  method: z.enum(augmentMethodNames).meta({ description: "Augmentation method.", examples: ["word-drop"] }),
  as: shortName.optional().meta({
    description: "Name of this row in ids and attributes. Default: the method. Required if a method is used twice.",
    examples: ["typing"],
  }),
  share: z.number().gt(0).max(1).default(1).describe("Fraction of the documents to augment, drawn by the seed."),
  copies: z.number().int().min(1).max(100).default(1).describe("Variants per document."),
  where: z
    .record(z.string().min(1), z.union([z.string(), z.array(z.string()).min(1)]))
    .default({})
    .meta({ description: "Only documents whose attribute has this value or one of these values.", examples: [{ label: "spam" }] }),
  options: z.record(z.string(), z.unknown()).default({}).describe("Options of the method."),
  version: z.number().int().optional().describe("Version of the method. Written by Loam; leave it out."),
});

/** A row with the method's own options complete, and its version. */
export interface AugmentRow {
  readonly method: AugmentMethodName;
  readonly version: number;
  readonly as: string;
  readonly share: number;
  readonly copies: number;
  readonly where: Readonly<Record<string, string | readonly string[]>>;
  readonly options: Readonly<Record<string, unknown>>;
}

const checkedRow = writtenAs(
  row.transform(({ method, as, options, version: _, ...rest }, context): AugmentRow => {
    const { version, options: schema } = methodParts[method];
    const checked = schema.safeParse(options);
    if (!checked.success)
      for (const issue of checked.error.issues) {
        const path = ["options", ...issue.path];
        context.addIssue(issue.code === "unrecognized_keys" ? { ...issue, path } : { ...issue, code: "custom", path });
      }
    return {
      method,
      version,
      as: as ?? method,
      ...rest,
      options: checked.success ? (checked.data as Readonly<Record<string, unknown>>) : {},
    };
  }),
  () => z.discriminatedUnion("method", [rowOf(augmentMethodNames[0]), ...augmentMethodNames.slice(1).map(rowOf)]),
);

/** A row of one method, as it is written. */
const rowOf = (method: AugmentMethodName) =>
  row.extend({
    method: z.literal(method).describe("Augmentation method."),
    options: methodParts[method].options.optional().describe("Options of the method."),
  });

const rows = z
  .array(checkedRow)
  .max(100)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [i, { as }] of list.entries()) {
      if (seen.has(as))
        context.addIssue({ code: "custom", path: [i, "as"], message: `a name of its own for each row ("${as}" stands twice)` });
      seen.add(as);
    }
  });

const whole = z
  .strictObject({
    methods: rows.describe("Augmentation methods, in order."),
    seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
    maxShare: z
      .number()
      .gt(0)
      .max(0.95)
      .default(0.5)
      .describe("Maximum fraction of augmented documents in the train side. The surplus is dropped evenly from all rows."),
    heldOut: z
      .strictObject({
        words: z.number().int().min(1).max(64).default(5).describe("Words per shingle."),
        threshold: z.number().gt(0).max(1).default(0.5).describe("Jaccard similarity from which a variant is refused."),
        shortWords: z
          .number()
          .int()
          .min(0)
          .max(256)
          .default(60)
          .describe("Texts of at most this many words are also compared by single words. 0: never."),
      })
      .prefault({})
      .describe("Similarity above which a variant of a held-out document is refused."),
    endpoint: endpointOptions.optional().describe("Model server for the methods that ask a model."),
  })
  .refine(o => o.endpoint !== undefined || o.methods.every(r => methodParts[r.method].kind === "plain"), {
    message: "an endpoint for the methods that ask a model",
    path: ["endpoint"],
  });

/** A list of methods, or an object with one. */
export const augmentOptions = writtenAs(
  z.preprocess(value => (Array.isArray(value) ? { methods: value } : value), whole),
  () => z.union([whole, rows]),
);
export type AugmentOptions = z.output<typeof augmentOptions>;
