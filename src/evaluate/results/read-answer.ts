/** A generated answer as it is measured: cut as the task says, in order. */
import { evaluateErrors } from "../errors.ts";
import type { ReadStep } from "../tasks/schema.ts";

/** Numbers as people write them: a sign, digits with commas, a fraction. */
const numbers = /-?\d[\d,]*(?:\.\d+)?|-?\.\d+/g;

/** The first fence and what stands in it, up to the one that closes it or the end. */
const fence = /^[ \t]*```[^\n`]*\n([\s\S]*?)(?:^[ \t]*```|$(?![\s\S]))/m;

type Read = (text: string) => string;

function stepOf(step: ReadStep, place: string): Read {
  if (step === "trim") return t => t.trim();
  if (step === "lower") return t => t.toLowerCase();
  if (step === "first-line") return t => t.trimStart().split("\n")[0]!.trimEnd();
  if (step === "code-block") return t => fence.exec(t)?.[1] ?? t;
  if (step === "number") return t => (t.match(numbers)?.at(-1) ?? "").replaceAll(",", "");
  let pattern: RegExp;
  try {
    pattern = new RegExp(step.regex, "g");
  } catch (error) {
    throw evaluateErrors.fail("task", { place, expected: "a regular expression", received: JSON.stringify(step.regex) }, error);
  }
  return t => {
    const found = [...t.matchAll(pattern)];
    const match = step.pick === "last" ? found.at(-1) : found[0];
    return match?.[step.group] ?? match?.[0] ?? "";
  };
}

/** Errors: evaluate/task for an expression that is none. */
export function readerOf(steps: readonly ReadStep[], place: string): Read {
  const reads = steps.map((s, i) => stepOf(s, `${place}: generate.read[${i}]`));
  return text => reads.reduce((t, read) => read(t), text);
}
