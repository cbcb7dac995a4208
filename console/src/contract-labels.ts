/** What the server says of labelling, as schemas; see `contract.ts`. */
import * as z from "zod/mini";

const state = {
  name: z.string(),
  on: z.string(),
  classes: z.array(z.string()),
  /** A served classifier that is asked what it is least sure of. */
  model: z.nullable(z.string()),
  texts: z.number(),
  /** Texts with a class that most gave. */
  decided: z.number(),
  file: z.string(),
  agreement: z.object({
    kind: z.nullable(z.enum(["Cohen", "Fleiss"])),
    kappa: z.nullable(z.number()),
    items: z.number(),
    people: z.array(z.object({ name: z.string(), labelled: z.number() })),
  }),
};
export const labelState = z.object(state);
export const labelSets = z.array(labelState);
export const labelBatch = z.object({
  ...state,
  /** Texts that this person has not labelled. */
  left: z.number(),
  items: z.array(z.object({ id: z.string(), text: z.string() })),
});
/** TensorFlow Serving's answer to classify: of each text its classes with their probabilities. */
export const classified = z.object({ result: z.array(z.array(z.tuple([z.string(), z.number()]))) });

export type LabelState = z.infer<typeof labelState>;
export type LabelBatch = z.infer<typeof labelBatch>;
export type LabelItem = LabelBatch["items"][number];
