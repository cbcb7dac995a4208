/** Links of a cross-validation, in an order that refuses early. */
import { drawsFolds } from "../../tune/index.ts";
import type { Link } from "../link.ts";

/** The same links with folds drawn as soon as their documents are there: what cannot be divided is refused before anything is tuned. */
export function withFoldsFirst(links: readonly Link[]): Link[] {
  const folds = links.filter(drawsFolds);
  const of = (l: Link) => folds.filter(f => f.inputs.documents === l.label);
  return links.flatMap(l => (drawsFolds(l) ? [] : [l, ...of(l)]));
}
