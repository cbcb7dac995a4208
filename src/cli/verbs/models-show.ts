/** `loam models show` and `loam models diff`: a version as its record has it, and two beside each other. */
import { resolve } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { type Change, cardMarkdown, modelCard, versionDiff } from "../../registry/index.ts";
import { releasesOf } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { namedModel } from "../releases/named-version.ts";
import type { VerbRun } from "../verb.ts";

export const modelsShow: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  await using named = await namedModel(context, options, given);
  const card = await modelCard(named.store, named.version);
  const path = textOption(options, "card");
  if (path !== undefined) {
    writeFileAtomic(resolve(context.cwd, path), cardMarkdown(card));
    out.line(`  ${path}`);
  } else out.line(cardMarkdown(card));
  const history = await releasesOf(named.store.records.read, named.model);
  if (!given.includes("@") && history.length > 0) {
    out.line("  Every move of the model's aliases:");
    for (const r of history)
      out.line(
        `  ${new Date(r.atMs).toISOString().slice(0, 19).replace("T", " ")}  ${r.alias.padEnd(10)} ${r.kind.padEnd(8)} ${r.previous ?? "none"} -> ${r.number ?? "none"}  ${r.by ?? ""}${r.reason === null ? "" : `: ${r.reason}`}`,
      );
  }
  out.result({ ...card, history });
};

function showChanges(out: Output, title: string, changes: readonly Change[]): void {
  if (changes.length > 0) out.line(`  ${title}`);
  const text = (x: unknown) => (x === undefined ? "-" : typeof x === "string" ? x : JSON.stringify(x));
  for (const c of changes) out.line(`    ${c.path.padEnd(40)} ${text(c.before)} -> ${text(c.after)}`);
}

export const modelsDiff: VerbRun = async (context, [a = "", b = ""], options) => {
  const { out } = context;
  await using before = await namedModel(context, options, a);
  await using after = await namedModel(context, options, b);
  if (before.store.records.place !== after.store.records.place)
    throw cliErrors.fail("usage", { place: "loam models diff", expected: "two versions of one record", received: "of two" });
  const diff = await versionDiff(before.store, before.version, after.version);
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
