/** A version held against the record: its files, the log, its lineage, and with `rebuild` the version made again. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { checkSigned, checkVersion, type VersionSignature, versionSignatures } from "../../registry/index.ts";
import { checkContent, type TreeHead, traceArtifact, verify } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { environmentOf } from "../environment.ts";
import { projectErrors } from "../errors.ts";
import { type RebuiltStage, rebuild } from "../rebuild/rebuild.ts";
import type { Workplace } from "../workspace.ts";
import { type NamedModelVersion, namedVersion, publicKeys } from "./named-version.ts";

export interface VerifyVersionOptions {
  /** Files of public keys: one of them must have signed the version. */
  readonly keys?: readonly string[] | undefined;
  /** Run every stage again from the record's inputs and compare contents. */
  readonly rebuild?: boolean | undefined;
  /** Parent of the temporary folder of a rebuild; default: the system's. */
  readonly scratch?: string | undefined;
}

export interface VerifiedFiles {
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
  readonly signatures: readonly VersionSignature[];
  /** Fingerprint of the key among `keys` that signed it. */
  readonly trusted: string | null;
}

export interface VerifiedRecord {
  /** Of the log. */
  readonly entries: number;
  readonly artifacts: number;
  readonly files: number;
  readonly bytes: number;
  /** Artifacts of its lineage whose files gc removed. */
  readonly removed: readonly string[];
  readonly head: TreeHead;
}

export interface RebuiltVersion {
  /** Nothing differs beyond what is allowed. */
  readonly rebuilt: boolean;
  readonly stages: readonly RebuiltStage[];
}

export interface VerifiedVersion extends Omit<VerifiedFiles, "files">, Partial<RebuiltVersion> {
  readonly model: string;
  readonly version: number;
  readonly record: VerifiedRecord;
}

/** Every byte of the version against the record, and its signatures. Errors: registry/tampered, registry/signature, store/blobMissing. */
export async function verifyFiles(named: NamedModelVersion, keys: readonly string[], watch: Watch): Promise<VerifiedFiles> {
  const { store, version } = named;
  const { files, bytes } = await checkVersion(store, version, { progress: progressFor(watch, "verify"), signal: watch.signal });
  const trusted = keys.length > 0 ? await checkSigned(store.records.read, version, keys) : undefined;
  const signatures = await versionSignatures(store.records.read, version);
  return { digest: version.digest, files, bytes, signatures, trusted: trusted?.fingerprint ?? null };
}

/** Log, tables, and every file of the version and of what it was made from. Errors: project/damaged; store/blobDamaged, store/blobMissing. */
export async function verifyLineage({ store, version }: NamedModelVersion, watch: Watch): Promise<VerifiedRecord> {
  const { signal } = watch;
  const found = await verify(store, { progress: progressFor(watch, "verify"), signal });
  for (const f of found.findings) watch.emit({ event: "note", message: JSON.stringify(f) });
  if (!found.ok)
    throw projectErrors.fail("damaged", { place: "models verify", message: `${found.findings.length + found.moreFindings} findings` });
  const t = await traceArtifact(store, version.artifact, { first: 0 });
  const kept = t.nodes.filter(n => n.releasedMs === null && (n.id === version.artifact || t.madeFrom.includes(n.id)));
  let [files, bytes] = [0, 0];
  for (const n of kept) {
    const read = await checkContent(store, n.id, { as: n.id, progress: progressFor(watch, n.id), signal });
    files += read.files;
    bytes += read.bytes;
  }
  const removed = t.madeFrom.filter(id => !kept.some(n => n.id === id));
  return { entries: found.entries, artifacts: kept.length, files, bytes, removed, head: found.head };
}

/** Runs the version's stages again, one `rebuilt` event each. Errors: project/rebuild. */
export async function rebuildVersion(
  { cwd }: Workplace,
  { store, project, version }: NamedModelVersion,
  scratch: string | undefined,
  watch: Watch,
): Promise<RebuiltVersion> {
  const config = project?.config.device ?? { name: "cpu" as const };
  const { name, ...given } = config;
  const device = (threads: number | undefined) => {
    let opened: ReturnType<typeof openDevice> | undefined;
    const chosen = Object.fromEntries(Object.entries({ ...given, threads: threads ?? config.threads }).filter(([, v]) => v !== undefined));
    return () => (opened ??= openDevice(name, chosen));
  };
  const stages = await rebuild({
    store,
    artifact: version.artifact,
    device,
    environment: environmentOf(config),
    scratch: resolve(cwd, scratch ?? tmpdir()),
    progress: label => progressFor(watch, label),
    onStage: stage => watch.emit({ event: "rebuilt", ...stage }),
    signal: watch.signal,
  });
  return { rebuilt: !stages.some(isWrong), stages };
}

const isWrong = ({ outcome }: RebuiltStage): boolean => outcome === "different" || outcome === "beyond";

/** Errors: project/notRepeated. */
export function checkRepeated(version: string, { stages }: RebuiltVersion): void {
  const wrong = stages.filter(isWrong);
  if (wrong.length === 0) return;
  throw projectErrors.fail("notRepeated", {
    place: version,
    expected: "the recorded content digests",
    received: wrong.map(s => `${s.outcome}: ${s.artifact} (${s.stage})`).join(", "),
    hint: "Where the environment is another, the line of the stage names what differs.",
  });
}

/**
 * Files, signatures, log and lineage; with `rebuild` every stage again, and `rebuilt` says whether all gave the recorded content.
 * Errors: project/damaged, project/rebuild, registry/tampered, registry/signature, store/blobDamaged, store/blobMissing.
 */
export async function verifyVersion(at: Workplace, given: string, options: VerifyVersionOptions, watch: Watch): Promise<VerifiedVersion> {
  await using named = await namedVersion(at, given);
  const { files: _, ...own } = await verifyFiles(named, publicKeys(at, options.keys ?? []), watch);
  const record = await verifyLineage(named, watch);
  const again = options.rebuild === true ? await rebuildVersion(at, named, options.scratch, watch) : {};
  return { model: named.model, version: named.version.number, ...own, record, ...again };
}
