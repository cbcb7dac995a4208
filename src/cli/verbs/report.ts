/** `loam report`: what the record shows for a law or framework, as Markdown; gaps are named. */
import { resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { governanceMarkdown, reportKinds } from "../../governance/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { projectReport } from "../../project/reports/index.ts";
import { textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const governanceReportVerb: VerbRun = (context, [word], options) =>
  inProject(context, options, async at => {
    const kind = reportKinds.find(k => k === word);
    if (!kind) throw wrongArgument("loam report", `one of ${reportKinds.join(", ")}`, JSON.stringify(word));
    const made = await projectReport(at, kind);
    const text = governanceMarkdown(made);
    const to = textOption(options, "out");
    if (to === undefined) for (const line of text.trimEnd().split("\n")) context.out.line(line);
    else {
      await writeFileAtomic(resolve(context.cwd, to), text);
      context.out.line(`  ${to}: ${made.sections.length} sections, ${made.missing} gaps`);
    }
    context.out.result(made);
  });
