/** `loam doctor`: what this machine has, what is missing and how to get it. Ends with exit code 3 where Loam cannot work here. */
import { join } from "node:path";
import type { Check, Place, State } from "../../project/doctor/index.ts";
import { hardware, optional, software } from "../../project/doctor/index.ts";
import { projectErrors } from "../../project/index.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const marks: Readonly<Record<State, string>> = { ok: "ok", warn: "warn", missing: "-", bad: "BAD" };

/** The folder of the record, where the project beside it names one; a broken loam.yaml is for the other verbs to tell. */
async function placeOf(folder: string): Promise<Place> {
  const { findProject } = await import("../../project/index.ts");
  try {
    const project = findProject(folder);
    const blobs = project.config.store.blobs ?? "folder:.loam/blobs";
    return { folder, store: blobs.startsWith("folder:") ? join(project.folder, blobs.slice("folder:".length)) : undefined };
  } catch {
    return { folder, store: folder };
  }
}

async function section(context: Context, title: string, checks: readonly Check[], place: Place) {
  const found = await Promise.all(checks.map(async c => ({ name: c.name, ...(await c.look(place)) })));
  context.out.line(`\n${title}`);
  for (const f of found) {
    context.out.line(`  ${marks[f.state].padEnd(5)} ${f.name.padEnd(19)} ${f.found}`);
    if (f.hint) context.out.line(`${"".padEnd(28)}${f.hint}`);
  }
  return found;
}

export const doctor: VerbRun = async (context, _, options) => {
  const place = await placeOf(folderOf(context, options));
  const checks = [
    ...(await section(context, "This machine", hardware, place)),
    ...(await section(context, "What Loam runs on", software, place)),
    ...(await section(context, "Not needed, good to have", optional, place)),
  ];
  const bad = checks.filter(c => c.state === "bad");
  context.out.result({ ok: bad.length === 0, checks });
  if (bad.length)
    throw projectErrors.fail("machine", {
      place: `loam doctor: ${bad[0]!.name}`,
      message: bad[0]!.found,
      ...(bad[0]!.hint ? { hint: bad[0]!.hint } : {}),
    });
};
