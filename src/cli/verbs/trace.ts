/**
 * `loam trace`: both ways through the record, and `--verify`, which proves it. The id of a request (`x-request-id` of an answer) is looked up in the
 * gateway's journal first: who asked, which server answered, and then from what the version that answered was made.
 */
import { formatCount } from "../../base/index.ts";
import { projectErrors, traceServed, traceSubject, verifyRecord, type Workspace, wrongArgument } from "../../project/index.ts";
import type { Trace, TraceNode } from "../../store/index.ts";

import { watchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { inProject, workplaceOf } from "../verb-folder.ts";

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

async function prove(context: Context, at: Workspace): Promise<void> {
  const { out } = context;
  const found = await verifyRecord(at, watchOf(context));
  out.line(
    `  ${found.ok ? "whole" : "DAMAGED"}: ${formatCount(found.entries)} log entries, ${formatCount(found.artifacts)} artifacts, ${formatCount(found.versions)} versions, ${formatCount(found.blobs)} files read`,
  );
  out.line(`  tree head: ${JSON.stringify(found.head)}`);
  out.line(`  not covered: ${found.notCovered.join(", ")}`);
  for (const f of found.findings) out.line(`  ${JSON.stringify(f)}`);
  out.result({ ...found });
  if (!found.ok)
    throw projectErrors.fail("damaged", {
      place: "trace --verify",
      message: `${found.findings.length + found.moreFindings} findings`,
      hint: "They are named above; restore what they name from a copy, or make it again with `loam run --force`.",
    });
}

/** Of a request: what the journal knows, and the lineage of the version that answered, where this project's record has it. */
async function printRequest(context: Context, id: string, options: Options): Promise<void> {
  const { out } = context;
  // the gateway's code is for requests alone
  const [{ findRequest }, { gatewayAt }, { showRequest }] = await Promise.all([
    import("../../project/gateway/index.ts"),
    import("../gateway-place.ts"),
    import("./gateway-requests.ts"),
  ]);
  const requests = await findRequest(gatewayAt(context, options), "loam trace", id);
  for (const r of requests) showRequest(context, r);
  const served = requests[0]!.served;
  const lineage = served === null ? undefined : await traceServed(workplaceOf(context, options), served, documentsOf(options));
  if (lineage) {
    out.line(`\nThe version that answered`);
    print(context, lineage);
  } else if (served !== null) out.line(`\n  This project's artifact store does not have ${served}.`);
  out.result({ requests, served, lineage: lineage ?? null });
}

const documentsOf = (options: Options) => ({ documents: Number(options.documents ?? 5) });

/** Ids that the gateway gives; a client's own are looked up with --request. */
const isRequest = (id: string | undefined, options: Options): id is string =>
  id !== undefined && (options.request === true || id.startsWith("req_"));

export const traceVerb: VerbRun = async (context, [id], options) => {
  if (!options.verify && isRequest(id, options)) return printRequest(context, id, options);
  await inProject(context, options, async at => {
    if (options.verify) return prove(context, at);
    if (!id)
      throw wrongArgument(
        "loam trace",
        "an id: an artifact, a version such as mail-small@latest, a document, or a request of the gateway",
        "nothing",
        "`loam models` lists versions; --verify needs no id.",
      );
    const found = await traceSubject(at, id, documentsOf(options));
    print(context, found);
    context.out.result({ ...found });
  });
};
