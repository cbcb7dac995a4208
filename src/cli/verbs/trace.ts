/** `loam trace`: both ways through the record, and `--verify`, which proves it. */
import { formatCount } from "../../base/index.ts";
import type { Store } from "../../store/index.ts";
import { type Trace, type TraceNode, trace as traceOf, verify } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { findProject, openProjectStore } from "../project.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const figures = (n: TraceNode): string =>
  Object.entries(n.summary)
    .filter(([, v]) => typeof v === "number")
    .slice(0, 4)
    .map(([k, v]) => `${k} ${Number.isInteger(v) ? formatCount(v as number) : v}`)
    .join("  ");

const row = (n: TraceNode): string =>
  `  ${n.id.padEnd(26)} ${`${n.stage} v${n.stageVersion}`.padEnd(14)} ${[n.versions.join(", "), figures(n), n.releasedMs === null ? "" : "files removed"].filter(Boolean).join("  ")}`;

function print(context: Context, t: Trace): void {
  const { out } = context;
  const node = new Map(t.nodes.map(n => [n.id, n]));
  const list = (title: string, ids: readonly string[]) => {
    if (!ids.length) return;
    out.line(`\n${title}`);
    for (const id of ids) out.line(row(node.get(id)!));
  };
  out.line(`${t.subject.id} (${t.subject.type})`);
  for (const id of t.subject.artifacts) out.line(row(node.get(id)!));
  list("Made from, nearest first", t.madeFrom);
  list("Made into, nearest first", t.madeInto);
  list("Made without it from what holds it", t.leftOut);
  for (const d of t.documents) {
    if (!d.count) continue;
    out.line(`\nDocuments of ${d.artifact}: ${formatCount(d.count)}`);
    for (const id of d.first) out.line(`  ${id}`);
    if (d.count > d.first.length) out.line(`  ... and ${formatCount(d.count - d.first.length)} more`);
  }
}

async function prove(context: Context, store: Store): Promise<void> {
  const { out, signal } = context;
  const found = await verify(store, { content: true, progress: out.progress("verify"), signal });
  out.line(
    `  ${found.ok ? "whole" : "DAMAGED"}: ${formatCount(found.entries)} log entries, ${formatCount(found.artifacts)} artifacts, ${formatCount(found.versions)} versions, ${formatCount(found.blobs)} files read`,
  );
  out.line(`  tree head: ${JSON.stringify(found.head)}`);
  for (const f of found.findings) out.line(`  ${JSON.stringify(f)}`);
  out.result({ ...found });
  if (!found.ok)
    throw cliErrors.fail("damaged", {
      place: "trace --verify",
      message: `${found.findings.length + found.moreFindings} findings`,
      hint: "They are named above; restore what they name from a copy, or make it again with `loam run --force`.",
    });
}

export const trace: VerbRun = async (context, [id], options) => {
  const store = await openProjectStore(findProject(folderOf(context, options)));
  try {
    if (options.verify) return await prove(context, store);
    if (!id)
      throw cliErrors.fail("usage", {
        place: "loam trace",
        expected: "an id: an artifact, a version such as mail-small@latest, or a document",
        received: "nothing",
        hint: "`loam models` lists versions; --verify needs no id.",
      });
    const found = await traceOf(store, id, { first: Number(options.documents ?? 5) });
    print(context, found);
    context.out.result({ ...found });
  } finally {
    await store.close();
  }
};
