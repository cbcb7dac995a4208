/** What only people know of a data set: the `card:` part of `loam.yaml`. It describes and never changes the data, so it stays out of the recipe. */
import { z } from "zod";

const text = z.string().trim().min(1);
const some = z.union([text, z.array(text).min(1)]);

export const cardPart = z.lazy(() =>
  z.strictObject({
    title: text.optional().describe("Title."),
    description: text.optional().describe("Description."),
    licence: text.optional().meta({ description: "SPDX identifier or URL of the licence.", examples: ["CC-BY-4.0"] }),
    creator: some.optional().describe("Creator; a list for several."),
    contact: text.optional().describe("Contact for questions and removal requests."),
    citation: text.optional().describe("Citation: BibTeX or a sentence."),
    language: some.optional().meta({ description: "ISO 639 language codes, if no step detects languages.", examples: ["en"] }),
    url: z.url().optional().describe("URL of the data set."),
    version: text.optional().describe("Version of the data set."),
    gaps: z.array(text).default([]).describe("Known gaps and biases."),
  }),
);
export type CardPart = z.output<typeof cardPart>;

/** A card of nothing but what was measured. */
export const noCard: CardPart = { gaps: [] };
