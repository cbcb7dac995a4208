/**
 * Post-processors of tokenizer files, a row each, for single texts: which special tokens stand before and after, and whether places
 * leave out the white space that tokens carry. Pairs of texts are left out.
 */
import { z } from "zod";
import { showValue } from "../base/index.ts";
import { textErrors } from "./errors.ts";
import { fromTable, readRow, type Table } from "./rows.ts";

export interface PostProcessor {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly trimsPlaces: boolean;
}

const none: PostProcessor = { before: [], after: [], trimsPlaces: false };
const tokenAndId = z.tuple([z.string(), z.int().nonnegative()]);
const piece = z.union([
  z.strictObject({ SpecialToken: z.strictObject({ id: z.string(), type_id: z.int() }) }),
  z.strictObject({ Sequence: z.strictObject({ id: z.enum(["A", "B"]), type_id: z.int() }) }),
]);
const special = z.strictObject({ id: z.string(), ids: z.array(z.int().nonnegative()), tokens: z.array(z.string()) });

const postProcessors: Table<PostProcessor> = {
  ByteLevel: readRow({ add_prefix_space: z.boolean(), trim_offsets: z.boolean(), use_regex: z.boolean().optional() }, o => ({
    ...none,
    trimsPlaces: o.trim_offsets,
  })),
  BertProcessing: readRow({ sep: tokenAndId, cls: tokenAndId }, o => ({ ...none, before: [o.cls[1]], after: [o.sep[1]] })),
  RobertaProcessing: readRow({ sep: tokenAndId, cls: tokenAndId, trim_offsets: z.boolean(), add_prefix_space: z.boolean() }, o => ({
    before: [o.cls[1]],
    after: [o.sep[1]],
    trimsPlaces: o.trim_offsets,
  })),
  TemplateProcessing: readRow(
    { single: z.array(piece), pair: z.array(piece), special_tokens: z.record(z.string(), special) },
    ({ single, special_tokens: specials }, place) => {
      const at = single.findIndex(p => "Sequence" in p);
      if (at < 0 || single.some((p, i) => "Sequence" in p && (i !== at || p.Sequence.id !== "A")))
        throw textErrors.fail("unsupported", {
          place: `${place}.single`,
          expected: "a template that holds the text once",
          received: showValue(single),
        });
      const idsOf = (p: z.output<typeof piece>): readonly number[] => {
        const name = "SpecialToken" in p ? p.SpecialToken.id : "";
        const token = Object.hasOwn(specials, name) ? specials[name] : undefined;
        if (!token)
          throw textErrors.fail("brokenTokenizer", {
            place: `${place}.special_tokens`,
            expected: `the token ${showValue(name)}, which the template names`,
            received: Object.keys(specials).join(", ").slice(0, 200) || "none",
          });
        return token.ids;
      };
      return { before: single.slice(0, at).flatMap(idsOf), after: single.slice(at + 1).flatMap(idsOf), trimsPlaces: false };
    },
  ),
  Sequence: readRow({ processors: z.array(z.unknown()) }, (o, place) =>
    o.processors
      .map((entry, i) => makePostProcessor(entry, `${place}.processors[${i}]`))
      .reduce(
        (inner, outer) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
          trimsPlaces: inner.trimsPlaces || outer.trimsPlaces,
        }),
        none,
      ),
  ),
};

/** The post-processor of a file's entry; null adds nothing. */
export const makePostProcessor = (entry: unknown, place: string): PostProcessor =>
  entry === null || entry === undefined ? none : fromTable(postProcessors, "post-processor", entry, place);
