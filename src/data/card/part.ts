/** What only people know of a data set: the `card:` part of `loam.yaml`. It describes and never changes the data, so it stays out of the recipe. */
import { z } from "zod";

const text = z.string().trim().min(1);
const some = z.union([text, z.array(text).min(1)]);

export const cardPart = z.strictObject({
  title: text.optional(),
  description: text.optional(),
  /** An SPDX name (`CC-BY-4.0`) or the address of a licence. */
  licence: text.optional(),
  /** Who made the data set; several names as a list. */
  creator: some.optional(),
  /** Where to ask, or to ask for removal. */
  contact: text.optional(),
  /** How to cite it; BibTeX or a sentence. */
  citation: text.optional(),
  /** ISO 639 codes, where no step finds languages. */
  language: some.optional(),
  url: z.url().optional(),
  version: text.optional(),
  /** What a user should know that no step can. */
  gaps: z.array(text).default([]),
});
export type CardPart = z.output<typeof cardPart>;

/** A card of nothing but what was measured. */
export const noCard: CardPart = { gaps: [] };
