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
  /** The least sure first; a guess has probabilities by class. */
  items: is.array(is.object({ id: is.string, text: is.string, guess: is.nullable(is.record(is.number)) })),
  /** How many of the texts that nobody has labelled the model has been asked about, and why it could not be. */
  asked: is.nullable(is.object({ version: is.nullable(is.string), failure: is.nullable(is.string), of: is.number, texts: is.number })),
});

export type LabelState = is.Infer<typeof labelState>;
export type LabelBatch = is.Infer<typeof labelBatch>;
export type LabelItem = LabelBatch["items"][number];
