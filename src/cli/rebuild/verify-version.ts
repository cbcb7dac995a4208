/** What `loam models verify` does beyond a version's own files: the log, the lineage, and with `--rebuild` the version made again. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { formatCount } from "../../base/index.ts";
import { environmentOf, projectErrors } from "../../project/index.ts";
import { type RebuiltStage, rebuild } from "../../project/rebuild/index.ts";
import { checkContent, trace, verify } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { textOption } from "../options.ts";
import type { NamedModel } from "../releases/named-version.ts";
import type { Context, Options } from "../verb.ts";

/** Log, tables, and every file of the version and of what it was made from. Errors: project/damaged; store/blobDamaged, store/blobMissing. */
export async function verifyRecordOf({ out, signal }: Context, { store, model, version }: NamedModel) {
  const found = await verify(store, { progress: out.progress("verify"), signal });
  for (const f of found.findings) out.line(`  ${JSON.stringify(f)}`);
  if (!found.ok)
    throw projectErrors.fail("damaged", { place: "models verify", message: `${found.findings.length + found.moreFindings} findings` });
  const t = await trace(store, version.artifact, { first: 0 });
  const kept = t.nodes.filter(n => n.releasedMs === null && (n.id === version.artifact || t.madeFrom.includes(n.id)));
  let [files, bytes] = [0, 0];
  for (const n of kept) {
    const read = await checkContent(store, n.id, { as: n.id, progress: out.progress(n.id), signal });
    files += read.files;
    bytes += read.bytes;
  }
  out.clear();
  const removed = t.madeFrom.filter(id => !kept.some(n => n.id === id));
  out.line(
    `  ${model}@${version.number}   record and lineage verified: ${formatCount(found.entries)} log entries, ${formatCount(files)} files of ${formatCount(kept.length)} artifacts${removed.length > 0 ? `; files removed of ${removed.join(", ")}` : ""}`,
  );
  return { entries: found.entries, artifacts: kept.length, files, bytes, removed, head: found.head };
}

const sentence = (s: RebuiltStage): string => {
  const { weights = null, loss = null } = s.distance ?? {};
  const shown = (x: number | null) => (x === null ? "not compared" : x.toPrecision(3));
  const distance = s.distance ? `  weights ${shown(weights)}, loss ${shown(loss)} (relative)` : "";
  const differs = s.differs && Object.keys(s.differs).length > 0 ? `  other environment: ${Object.keys(s.differs).join(", ")}` : "";
  return `  ${s.outcome.padEnd(10)} ${s.artifact.padEnd(28)} ${s.stage.padEnd(22)}${distance}${differs}`;
};

async function rebuilt(context: Context, named: NamedModel, options: Options): Promise<readonly RebuiltStage[]> {
  const { out, signal } = context;
  const config = named.project?.config.device ?? { name: "cpu" as const };
  const { name, ...given } = config;
  const device = (threads: number | undefined) => {
    let opened: ReturnType<typeof openDevice> | undefined;
    const chosen = Object.fromEntries(Object.entries({ ...given, threads: threads ?? config.threads }).filter(([, v]) => v !== undefined));
    return () => (opened ??= openDevice(name, chosen));
  };
  return rebuild({
    store: named.store,
    artifact: named.version.artifact,
    device,
    environment: environmentOf(config),
    scratch: resolve(context.cwd, textOption(options, "scratch") ?? tmpdir()),
    progress: label => out.progress(label),
    onStage(stage) {
      out.clear();
      out.line(sentence(stage));
      out.event("stage", { ...stage });
    },
    signal,
  });
}

/** Rebuilds the version and says stage by stage what came of it; `isRepeated` where nothing differs beyond what is allowed. */
export async function rebuildVersion(context: Context, named: NamedModel, options: Options) {
  const { out } = context;
  const version = `${named.model}@${named.version.number}`;
  const stages = await rebuilt(context, named, options);
  const wrong = stages.filter(s => s.outcome === "different" || s.outcome === "beyond");
  const again = stages.filter(s => s.outcome !== "material").length;
  if (wrong.length === 0) out.line(`  ${version}   rebuilt: ${formatCount(again)} stages repeat what the record has`);
  return { isRepeated: wrong.length === 0, stages, wrong };
}

/** Errors: project/notRepeated. */
export function checkRepeated(version: string, wrong: readonly RebuiltStage[]): void {
  if (wrong.length === 0) return;
  throw projectErrors.fail("notRepeated", {
    place: version,
    expected: "the recorded content digests",
    received: wrong.map(s => `${s.outcome}: ${s.artifact} (${s.stage})`).join(", "),
    hint: "Where the environment is another, the line of the stage names what differs.",
  });
}
