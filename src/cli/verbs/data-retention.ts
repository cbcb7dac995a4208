/** `loam data retention`: what is due under `retention:` of loam.yaml; `--apply` erases it. */
import { formatCount, type LoamError, withDetails } from "../../base/index.ts";
import { projectErrors } from "../../project/index.ts";
import { enforceRetention, type RetentionReport } from "../../project/retention/index.ts";
import { askYes } from "../data/ask-yes.ts";
import { watchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

/** Documents that are listed of each kind. */
const listed = 8;

function show({ out }: Context, report: RetentionReport): void {
  const list = (lines: readonly string[]) => {
    for (const line of lines.slice(0, listed)) out.line(`      ${line}`);
    if (lines.length > listed) out.line(`      and ${formatCount(lines.length - listed)} more`);
  };
  for (const r of report.rules) {
    const done = report.applied ? `, ${formatCount(r.erased)} erased` : "";
    out.line(`  ${r.rule}: ${r.on}, keep ${r.keep}: ${formatCount(r.due)} due${done}`);
    if (r.problem !== undefined) out.warn(`loam: retention.${r.rule}: not looked into: ${r.problem}`);
    if (!report.applied) list(r.documents.map(d => `${d.id}  ${d.side}, counted from ${d.from.slice(0, 10)}`));
    if (r.onHold.length > 0) out.line(`    ${formatCount(r.onHold.length)} due and on legal hold`);
    list(r.onHold.map(d => d.id));
    if (r.unreadable.length > 0)
      out.warn(
        `loam: retention.${r.rule}: ${formatCount(r.unreadable.length)} documents or objects have no readable date; they were neither judged nor erased`,
      );
    list(r.unreadable.map(u => `${u.id}  ${u.problem}`));
  }
}

/** What somebody has to look at: a job that runs daily must not pass it over. */
function unjudged({ rules, applied }: RetentionReport): LoamError {
  const open = rules.filter(r => r.unreadable.length > 0 || r.problem !== undefined);
  const told = open.map(({ rule, unreadable: [first, ...more], problem }) =>
    first === undefined
      ? `${rule}: ${problem}`
      : `${rule}: ${first.id} (${first.problem})${more.length > 0 ? ` and ${formatCount(more.length)} more` : ""}`,
  );
  return projectErrors.fail("unjudged", {
    place: "loam.yaml: retention",
    expected: "dates that can be read, and states that answer",
    received: told.join("; "),
    hint: `Correct the dates or the rule. ${applied ? "What was due by a readable date is erased, the rest is not" : "Nothing was erased"}.`,
  });
}

export const dataRetention: VerbRun = async (context, _, options) => {
  await inProject(context, options, async at => {
    const watch = watchOf(context);
    let report = await enforceRetention(at, {}, watch);
    const due = report.rules.reduce((n, r) => n + r.due, 0);
    if (options.apply === true) {
      if (due > 0) {
        show(context, report);
        await askYes(context, options, "loam data retention", `\nErase ${formatCount(due)} documents and objects?`);
      }
      report = await enforceRetention(at, { apply: true, retrain: options.retrain === true }, watch);
    }
    show(context, report);
    if (report.remaining.length > 0) context.out.line(`\n  next: ${report.remaining.join("; ")}`);
    const result = { event: "result", ...report };
    if (!report.isComplete) throw withDetails(unjudged(report), result);
    context.out.result(result);
  });
};
