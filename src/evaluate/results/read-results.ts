/**
 * Log-likelihoods that are numbers. One that is not would be scored as certainty or left to the first choice, and JSON writes null for it, which counts as 0:
 * so it is refused where an answer comes and where a record is read.
 */
import { evaluateErrors } from "../errors.ts";
import type { ItemResult } from "./item.ts";

/** Errors: evaluate/score for what is not a finite number; `place` names task and item. */
export function checkFinite(values: readonly (number | null | undefined)[], what: string, place: string, hint: string): void {
  const at = values.findIndex(v => !Number.isFinite(v));
  if (at < 0) return;
  throw evaluateErrors.fail("score", {
    place: values.length > 1 ? `${place}, choice ${at + 1}` : place,
    expected: `a finite ${what}`,
    received: String(values[at]),
    hint,
  });
}

/** Items of a recorded result, a line each; `place` is the file's, `times` what each took where the lines do not say it (NaN: not taken). Errors: evaluate/score with line and item. */
export function parseResults(text: string, place: string, times: readonly (number | null)[] = []): ItemResult[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line, i) => {
      const read = JSON.parse(line) as Omit<ItemResult, "ms"> & { readonly ms?: number };
      const item: ItemResult = { ...read, ms: times[i] ?? read.ms ?? Number.NaN };
      const { logLikelihoods, logLikelihood, cosine } = item;
      if (cosine !== undefined) checkFinite([cosine], "cosine", `${place}:${i + 1}: ${item.place}`, "`loam eval --fresh` asks again.");
      const values = [...(logLikelihoods ?? []), ...(logLikelihood === undefined ? [] : [logLikelihood])];
      checkFinite(
        values,
        "log-likelihood",
        `${place}:${i + 1}: ${item.place}`,
        "The model's answer was not a number when it was recorded. `loam eval --fresh` asks again.",
      );
      return item;
    });
}
