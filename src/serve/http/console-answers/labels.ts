/** Answers about labelling: sets, batches of texts for a person, agreement. */
import { z } from "zod";

const verified = z.boolean().describe("the name is an account that the server has checked; false: a name that somebody typed");

const state = {
  name: z.string(),
  on: z.string().describe("the data set"),
  classes: z.array(z.string()),
  kind: z.enum(["one", "several", "spans"]).describe("what a person gives a text"),
  model: z.string().nullable().describe("served classifier that orders texts by uncertainty"),
  texts: z.int(),
  decided: z.int().describe("texts with a majority label or a decision"),
  disagreements: z.int().describe("texts on which people differ, without a decision"),
  file: z.string(),
  agreement: z.strictObject({
    kind: z.enum(["Cohen", "Fleiss", "Krippendorff"]).nullable(),
    kappa: z.number().nullable(),
    items: z.int(),
    people: z.array(z.strictObject({ name: z.string(), isVerified: verified, labelled: z.int() })),
  }),
};
export const labelState = z.strictObject(state).meta({ id: "LabelState" });

const labelItem = z
  .strictObject({
    id: z.string(),
    text: z.string(),
    guess: z.record(z.string(), z.number()).nullable().describe("probabilities by class"),
  })
  .meta({ id: "LabelItem" });
export const labelBatch = z
  .strictObject({
    ...state,
    left: z.int().describe("texts that this person has not labelled"),
    items: z.array(labelItem).describe("the most uncertain first"),
    asked: z
      .strictObject({ version: z.string().nullable(), failure: z.string().nullable(), of: z.int(), texts: z.int() })
      .nullable()
      .describe("progress of the model's predictions on unlabelled texts, or why there are none"),
  })
  .meta({ id: "LabelBatch" });

const range = z.strictObject({ start: z.int(), end: z.int(), label: z.string() }).meta({ id: "LabelledRange" });
const value = z.union([z.string(), z.array(z.string()), z.array(range)]).describe("by the kind of the set; ranges in UTF-16 code units");
const byWhom = z.strictObject({ by: z.string(), isVerified: verified, label: value });
export const labelDisagreements = z
  .strictObject({
    ...state,
    adjudicators: z.array(z.string()).nullable().describe("who may decide; null: everybody who may label"),
    items: z
      .array(z.strictObject({ id: z.string(), text: z.string(), votes: z.array(byWhom), decision: byWhom.nullable() }))
      .describe("open ones first"),
  })
  .meta({ id: "LabelDisagreements" });
