/** The proof of a merge in a line of the terminal, from what an artifact's summary tells of it. */
import { formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import type { TextOutput } from "../../tune/index.ts";
import { n } from "../data-links.ts";

/** A difference, however small. */
export const few = (x: number): string => (x === 0 ? "0" : x >= 0.01 ? x.toFixed(2) : x.toExponential(1));

const words: { readonly [O in TextOutput]: { readonly moves: string; readonly others?: string } } = {
  classes: { moves: "moves logits", others: "labels" },
  number: { moves: "moves numbers" },
  vector: { moves: "turns vectors (1 - cosine)", others: "nearest neighbours" },
};

/** `; merging moves logits by at most 2.1e-6 and changes 0 labels of 120 texts, int8 by 0.03 and 1`; nothing of a model made before there was one. */
export function textProofText(s: Summary, output: TextOutput): string {
  if (s.proofTexts === undefined) return "";
  const { moves, others } = words[output];
  const change = (delta: "mergedDelta" | "quantisedDelta", count: "mergedOthers" | "quantisedOthers") => ({
    by: few(n(s, delta)),
    others: others === undefined ? "" : ` and ${formatCount(n(s, count))}`,
  });
  const merged = s.mergedDelta === undefined ? undefined : change("mergedDelta", "mergedOthers");
  const quantised = s.quantisedDelta === undefined ? undefined : change("quantisedDelta", "quantisedOthers");
  const of = `${others === undefined ? "" : ` ${others}`} of ${formatCount(n(s, "proofTexts"))} texts`;
  const first = (who: string, { by, others: count }: { readonly by: string; readonly others: string }) =>
    `; ${who} ${moves} by at most ${by}${count.replace(" and ", " and changes ")}${of}`;
  if (merged && quantised) return `${first("merging", merged)}, ${s.quantisedForm} by ${quantised.by}${quantised.others}`;
  if (quantised) return first(String(s.quantisedForm), quantised);
  return merged ? `${first("merging", merged)}; served in float32 alone` : "";
}
