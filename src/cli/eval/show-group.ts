/** The report of a group of tasks as lines for people. */

import { type GroupReport, groupWeights } from "../../project/eval/index.ts";
import type { Output } from "../output.ts";
import { differenceLine, scoreCells } from "./show.ts";

export function showGroup(out: Output, { group, alias, tasks, artifact, scores, comparison: c }: GroupReport): void {
  const recorded = artifact === undefined ? "" : `  (${artifact})`;
  out.line(`\n  ${group}${alias === undefined ? "" : ` (${alias})`}: ${tasks.length} ${tasks.length === 1 ? "task" : "tasks"}${recorded}`);
  for (const s of scores) out.line(`    ${scoreCells({ ...s, metric: s.name })} ${s.better} is better; ${groupWeights(s)}`);
  if (!c?.differences.length) return;
  out.line(`  against ${c.against}:`);
  for (const d of c.differences) out.line(differenceLine(d));
}
