/** How `loam.yaml` writes augmentation: a list of methods with the documents that each is given, and what holds for all of them. */
import { z } from "zod";
import { type MethodName, methodNames, methods } from "./methods.ts";
import { endpointOptions } from "./upstream/options.ts";

/** Part of the ids of what is made: `mail:7+typing.1`. */
const shortName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, "a short name of small letters, digits and -");

const row = z.strictObject({
  method: z.enum(methodNames),
  /** Its name in ids and attributes, where a method stands twice. */
  as: shortName.optional(),
  /** Share of the documents it is given, drawn by the seed. */
  share: z.number().gt(0).max(1).default(1),
  /** Variants of each of them. */
  copies: z.number().int().min(1).max(100).default(1),
  /** Only documents with this value, or one of these. `origin`, `source` and `length` are known of every document. */
  where: z.record(z.string().min(1), z.union([z.string(), z.array(z.string()).min(1)])).default({}),
  options: z.record(z.string(), z.unknown()).default({}),
  /** The method's; written by parsing, so that what was parsed can be parsed again. */
  version: z.number().int().optional(),
});

/** A row with the method's own options complete, and its version. */
export interface AugmentRow {
  readonly method: MethodName;
  readonly version: number;
  readonly as: string;
  readonly share: number;
  readonly copies: number;
  readonly where: Readonly<Record<string, string | readonly string[]>>;
  readonly options: Readonly<Record<string, unknown>>;
}

const rows = z
  .array(
    row.transform(({ method, as, options, version: _, ...rest }, context): AugmentRow => {
      const { version, options: schema } = methods[method];
      const checked = schema.safeParse(options);
      if (!checked.success)
        for (const issue of checked.error.issues) context.addIssue({ ...issue, code: "custom", path: ["options", ...issue.path] });
      return {
        method,
        version,
        as: as ?? method,
        ...rest,
        options: checked.success ? (checked.data as Readonly<Record<string, unknown>>) : {},
      };
    }),
  )
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
    methods: rows,
    seed: z.union([z.number().int(), z.string()]).default(1),
    /** The most that augmented documents are of all train documents; what is over is left out, evenly from all rows. */
    maxShare: z.number().gt(0).max(0.95).default(0.5),
    /** Variants that are like a held-out document are refused: Jaccard similarity of word n-grams, and of single words between short texts, as of the split. */
    heldOut: z
      .strictObject({
        words: z.number().int().min(1).max(64).default(5),
        threshold: z.number().gt(0).max(1).default(0.5),
        /** Texts of at most this many words are compared by their single words too, from a similarity of 0.7 or `threshold` on, whichever is more; 0: none. */
        shortWords: z.number().int().min(0).max(256).default(60),
      })
      .prefault({}),
    endpoint: endpointOptions.optional(),
  })
  .refine(o => o.endpoint !== undefined || o.methods.every(r => methods[r.method].kind === "plain"), {
    message: "an endpoint for the methods that ask a model",
    path: ["endpoint"],
  });

/** A list of methods, or an object with one. */
export const augmentOptions = z.preprocess(value => (Array.isArray(value) ? { methods: value } : value), whole);
export type AugmentOptions = z.output<typeof augmentOptions>;
