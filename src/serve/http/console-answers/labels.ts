/** Answers about labelling: sets, batches of texts for a person, agreement. */
import { z } from "zod";

const state = {
  name: z.string(),
  on: z.string().describe("the data set"),
  classes: z.array(z.string()),
  model: z.string().nullable().describe("served classifier that orders texts by uncertainty"),
  texts: z.int(),
  decided: z.int().describe("texts with a majority label"),
  file: z.string(),
  agreement: z.strictObject({
    kind: z.enum(["Cohen", "Fleiss"]).nullable(),
    kappa: z.number().nullable(),
    items: z.int(),
    people: z.array(z.strictObject({ name: z.string(), labelled: z.int() })),
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
