/** What the server says of labelling, as schemas; see `contract.ts`. */
import * as is from "./shape.ts";

const state = {
  name: is.string,
  on: is.string,
  classes: is.array(is.string),
  /** A served classifier that is asked what it is least sure of. */
  model: is.nullable(is.string),
  texts: is.number,
  /** Texts with a class that most gave. */
  decided: is.number,
  file: is.string,
  agreement: is.object({
    kind: is.nullable(is.oneOf("Cohen", "Fleiss")),
    kappa: is.nullable(is.number),
    items: is.number,
    people: is.array(is.object({ name: is.string, labelled: is.number })),
  }),
};
export const labelState = is.object(state);
export const labelSets = is.array(labelState);
export const labelBatch = is.object({
  ...state,
  /** Texts that this person has not labelled. */
  left: is.number,
  items: is.array(is.object({ id: is.string, text: is.string })),
});
/** TensorFlow Serving's answer to classify: of each text its classes with their probabilities. */
export const classified = is.object({ result: is.array(is.array(is.tuple(is.string, is.number))) });

export type LabelState = is.Infer<typeof labelState>;
export type LabelBatch = is.Infer<typeof labelBatch>;
export type LabelItem = LabelBatch["items"][number];
