/** `loam models show` and `loam models diff`: a version as its record has it, and two beside each other. */
import { resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { compareVersions, showVersion } from "../../project/models/index.ts";
import { modelCardMarkdown, type VersionChange } from "../../registry/index.ts";
import { textOption } from "../options.ts";
import type { Output } from "../output.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

export const modelsShow: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const { card, history } = await showVersion(workplaceOf(context, options), given);
  const path = textOption(options, "card");
  if (path !== undefined) {
    writeFileAtomic(resolve(context.cwd, path), modelCardMarkdown(card));
    out.line(`  ${path}`);
  } else out.line(modelCardMarkdown(card));
  if (!given.includes("@") && history.length > 0) {
    out.line("  Every move of the model's aliases:");
    for (const r of history)
      out.line(
        `  ${new Date(r.atMs).toISOString().slice(0, 19).replace("T", " ")}  ${r.alias.padEnd(10)} ${r.kind.padEnd(8)} ${r.previous ?? "none"} -> ${r.number ?? "none"}  ${r.by ?? ""}${r.reason === null ? "" : `: ${r.reason}`}`,
      );
  }
  out.result({ ...card, history });
};

function showChanges(out: Output, title: string, changes: readonly VersionChange[]): void {
  if (changes.length > 0) out.line(`  ${title}`);
  const text = (x: unknown) => (x === undefined ? "-" : typeof x === "string" ? x : JSON.stringify(x));
  for (const c of changes) out.line(`    ${c.path.padEnd(40)} ${text(c.before)} -> ${text(c.after)}`);
}

export const modelsDiff: VerbRun = async (context, [a = "", b = ""], options) => {
  const { out } = context;
  const diff = await compareVersions(workplaceOf(context, options), a, b);
  if (diff.sameContent) out.line("  the same content");
  showChanges(out, "files", diff.files);
  showChanges(out, "recipe", diff.recipe);
  showChanges(out, "made from", diff.lineage);
  showChanges(out, "facts", diff.facts);
  const show = (x: number) => String(Math.round(x * 1e4) / 1e4);
  for (const { task, differences } of diff.evaluations)
    for (const d of differences)
      out.line(
        `  ${task}: ${d.metric} ${show(d.second)} -> ${show(d.first)}, ${show(d.value)} [${show(d.low)}, ${show(d.high)}], p ${show(d.p)} (${d.test}), ${d.wins} better and ${d.losses} worse of ${d.items}`,
      );
  out.result({ ...diff });
};
