/** What anyone has without a language model: TF-IDF and logistic regression, one model a label. */
import { textClassifiers } from "../../evaluate/index.ts";
import type { MultiLabelText } from "./examples.ts";
import type { MultiLabelSystem } from "./report.ts";

const tfidf = "tf-idf + logistic regression";

/** Learns from the train and validation texts of which a label is known; judged on `test`. */
export async function multiLabelBaseline(
  labels: readonly string[],
  known: readonly MultiLabelText[],
  test: readonly MultiLabelText[],
  signal: AbortSignal,
): Promise<MultiLabelSystem> {
  const scores: number[][] = test.map(() => []);
  const sorted = [...known].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const k of labels.keys()) {
    signal.throwIfAborted();
    // the terminal and Ctrl-C have their turn between long computations
    await new Promise(resolve => setImmediate(resolve));
    const own = sorted.filter(t => t.truth[k] !== undefined);
    const classify = textClassifiers[tfidf]({ texts: own.map(t => t.text), labels: own.map(t => t.truth[k]!), classes: 2 });
    for (const [i, { text }] of test.entries()) {
      const ofSides = classify(text);
      scores[i]!.push(ofSides[1]! - ofSides[0]!);
    }
  }
  return { name: tfidf, kind: "baseline", scores, held: scores.map(row => row.map(x => x > 0)) };
}
