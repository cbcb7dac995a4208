/** The proof of a merge in a line of the terminal, from what an artifact's summary tells of it. */
import { formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import type { ProvenOutput } from "../methods/index.ts";
import { summaryNumber as n, smallNumber } from "./summary-text.ts";

const words: { readonly [O in ProvenOutput]: { readonly moves: string; readonly others?: string } } = {
  classes: { moves: "moves logits", others: "labels" },
  number: { moves: "moves numbers" },
  vector: { moves: "turns vectors (1 - cosine)", others: "nearest neighbours" },
};

/** `; merging moves logits by at most 2.1e-6 and changes 0 labels of 120 texts, int8 by 0.03 and 1`; nothing of a model made before there was one. */
export function textProofText(s: Summary, output: ProvenOutput): string {
  if (s.proofTexts === undefined) return "";
  const { moves, others } = words[output];
  const texts = `of ${formatCount(n(s, "proofTexts"))} texts`;
  const whole = (who: string, form: "merged" | "quantised"): string => {
    const changes = others === undefined ? "" : ` and changes ${formatCount(n(s, `${form}Others`))} ${others}`;
    return `; ${who} ${moves} by at most ${smallNumber(n(s, `${form}Delta`))}${changes} ${texts}`;
  };
  const form = s.quantisedForm === undefined ? undefined : String(s.quantisedForm);
  if (s.mergedDelta === undefined) return form === undefined ? "" : whole(form, "quantised");
  if (form === undefined) return `${whole("merging", "merged")}; served in float32 alone`;
  const also = others === undefined ? "" : ` and ${formatCount(n(s, "quantisedOthers"))}`;
  return `${whole("merging", "merged")}, ${form} by ${smallNumber(n(s, "quantisedDelta"))}${also}`;
}
