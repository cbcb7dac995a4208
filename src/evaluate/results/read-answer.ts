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
  const { group, pick, fallback = "" } = step;
  return t => {
    const found = [...t.matchAll(pattern)];
    const match = pick === "last" ? found.at(-1) : found[0];
    if (!match) return fallback;
    return group === "any" ? anyGroup(match, fallback) : (match[group] ?? match[0]);
  };
}

/** As `findall` of Python tells a match: the whole of it, its only group, or the first of several that holds something. */
function anyGroup([whole, ...groups]: RegExpMatchArray, fallback: string): string {
  if (groups.length === 0) return whole!.trim();
  if (groups.length === 1) return (groups[0] ?? "").trim();
  return groups.find(Boolean)?.trim() ?? fallback;
}

/** Errors: evaluate/task for an expression that is none. */
export function answerReader(steps: readonly ReadStep[], place: string): Read {
  const reads = steps.map((s, i) => stepOf(s, `${place}: generate.read[${i}]`));
  return text => reads.reduce((t, read) => read(t), text);
}

/** The answer that most of the first `count` have; the earliest of equals. */
export function voted(texts: readonly string[], count: number): string {
  const times = new Map<string, number>();
  for (const t of texts.slice(0, count)) times.set(t, (times.get(t) ?? 0) + 1);
  const most = Math.max(...times.values());
  return [...times].find(([, n]) => n === most)![0];
}
