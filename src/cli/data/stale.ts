/** A warning where documents are shown that loam.yaml does not stand for any more. */
import { type DataSetState, staleLine } from "../../project/data/index.ts";
import type { Output } from "../output.ts";

export function warnStale(out: Output, set: DataSetState): void {
  if (set.isStale) out.warn(staleLine(set));
}
