/**
 * What an evaluation keeps of each text of the test part, so that gates, cards and comparisons of versions read what the report was made of. The file holds
 * private data where the documents do: the beginning of every text and values of their attributes. It is bounded (`keptBeginning`, `mostAttributes`), and what
 * the data set's steps took out of the documents is not in it.
 */
import { keptBeginning } from "../../evaluate/index.ts";
import type { DescribedExample } from "./examples.ts";
import { groupAttributes, groupValue } from "./groups.ts";

export const predictionsFile = "predictions.jsonl";

/** Attributes that are kept; a page makes slices of so many. */
const mostAttributes = 6;
/** Values of a textual attribute beyond which it names texts rather than kinds of them: a sender, a title, an address. */
const mostValues = 50;

type Value = string | number;

/** Attributes to slice by: kinds first, then measures. Not the class, not what groups are made of, not what is alike everywhere. */
function sliced(test: readonly DescribedExample[], label: string): string[] {
  const values = new Map<string, Set<Value>>();
  for (const { attributes } of test)
    for (const [name, a] of Object.entries(attributes)) {
      const value = groupValue(a);
      if (value === undefined || name === label || name === "cluster" || name === "augmentedFrom") continue;
      const set = values.get(name);
      if (set) set.add(value);
      else values.set(name, new Set([value]));
    }
  const isText = (set: Set<Value>) => [...set].some(v => typeof v === "string");
  const fit = [...values].filter(([, set]) => set.size > 1 && (!isText(set) || set.size <= mostValues));
  return fit
    .sort(([a, s], [b, t]) => Number(isText(t)) - Number(isText(s)) || (a < b ? -1 : 1))
    .slice(0, mostAttributes - 1)
    .map(([name]) => name);
}

interface Predictions {
  readonly test: readonly DescribedExample[];
  /** The attribute that holds the class. */
  readonly label: string;
  readonly classes: readonly string[];
  /** Of each text, as an index into the classes. */
  readonly predicted: ArrayLike<number>;
  /** [text][class] */
  readonly probabilities: readonly (readonly number[])[];
  /** Attributes that are kept whatever they are: those of `groups`. */
  readonly kept?: readonly string[] | undefined;
}

/** The file: a line a text, with the group that it is drawn with. */
export function predictionLines({ test, label, classes, predicted, probabilities, kept = [] }: Predictions): string {
  const names = [...new Set([...kept, ...sliced(test, label)])];
  return test
    .map((e, i) => {
      const line = {
        id: e.id,
        group: e.group,
        truth: classes[e.label],
        predicted: classes[predicted[i]!],
        scores: probabilities[i],
        text: keptBeginning(e.text),
        attributes: { "length of text": e.text.length, ...groupAttributes(e.attributes, names) },
      };
      return `${JSON.stringify(line)}\n`;
    })
    .join("");
}
