/**
 * The port for what needs a model to see: names of people and places. The step's option `names` loads one that was trained (`names/`); whoever
 * has another (a list of staff) hands it to `findPrivate` or `privateStep`. It must be a pure function of the text, like every document step.
 */
import { type PrivateSpan, privateTypes } from "./types.ts";

export interface PrivateRecogniser {
  /** With a version: another recogniser gives other documents. */
  readonly name: string;
  /** What of its findings counts; absent: what counts of the others. */
  readonly minScore?: number;
  /** Findings in UTF-16 code units of the text. */
  recognise(text: string): readonly PrivateSpan[];
}

/** Findings of a recogniser that lie within the text; what is empty, outside or of no known type is left out. */
export const recognised = (recogniser: PrivateRecogniser, text: string): PrivateSpan[] =>
  recogniser
    .recognise(text)
    .filter(
      s =>
        Object.hasOwn(privateTypes, s.type) &&
        Number.isInteger(s.start) &&
        Number.isInteger(s.end) &&
        s.start >= 0 &&
        s.start < s.end &&
        s.end <= text.length &&
        s.score >= 0 &&
        s.score <= 1,
    );
