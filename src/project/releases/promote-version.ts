/** Who may have an alias, and who has it: promotion behind the release's gates, rollback, approvals, the archive. */
import { resolve } from "node:path";
import { defined, isLoamError, readText, withDetails } from "../../base/index.ts";
import {
  type Approval,
  approvalsOf,
  approve,
  filesGate,
  judgeRelease,
  promote,
  promotionDocument,
  type ReleaseGate,
  type ReleaseVerdict,
  registryErrors,
  rollback,
  signerOf,
  withGate,
} from "../../registry/index.ts";
import {
  aliasGuardOf,
  holderOf,
  listGuards,
  looksOfContent,
  type ModelVersion,
  type Release,
  type Store,
  setAlias,
  setMark,
} from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import { homeFolder } from "../home-folder.ts";
import { type LooksReport, looksReport } from "../looks.ts";
import { type NamedModelVersion, namedVersion } from "../models/named-version.ts";
import { thisUser } from "../person.ts";
import type { Workplace } from "../workspace.ts";
import { followServers } from "./follow-servers.ts";

export interface MoveOptions {
  /** Who does it; default: the user of this machine. */
  readonly by?: string | undefined;
  /** Why; it is kept. */
  readonly reason?: string | undefined;
}

export interface PromoteOptions extends MoveOptions {
  /** Judge, read every file, and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** How often the alias has moved by now: another number is store/conflict. */
  readonly moves?: number | undefined;
}

export interface PromotedVersion {
  readonly model: string;
  readonly version: number;
  readonly alias: string;
  readonly dryRun: boolean;
  /** The gates, each passed or not. */
  readonly verdict: ReleaseVerdict;
  /** Null where the version had the alias already, and after a dry run. */
  readonly release: Release | null;
  /** How often the test sets were looked at that the version was scored on. */
  readonly looks: readonly LooksReport[];
}

const looksOf = async (store: Store, { digest }: ModelVersion): Promise<LooksReport[]> =>
  (await looksOfContent(store.records.read, digest)).map(l => looksReport(l));

const mover = ({ by = thisUser(), reason }: MoveOptions) => ({ by, reason });

/** Where the servers of its project leave their tokens. */
const folderOf = ({ project }: Pick<NamedModelVersion, "project">): string => project?.folder ?? homeFolder();

/** Aliases of a model that a release of loam.yaml guards. */
export const guardedAliases = async ({ store, model }: NamedModelVersion): Promise<string[]> =>
  (await listGuards(store.records.read)).filter(g => g.rules.models?.includes(model) ?? true).map(g => g.alias);

/**
 * Gives a version an alias, if it meets what the alias's release asks for and its files are as recorded. Errors: registry/refused with the document in
 * `details`, registry/tampered, registry/condition, registry/metric; store/notFound, store/name, store/blobMissing.
 */
export async function promoteVersion(
  named: NamedModelVersion,
  alias: string,
  { dryRun = false, moves, ...options }: PromoteOptions,
  watch: Watch,
  onVerdict?: (verdict: ReleaseVerdict) => void,
): Promise<PromotedVersion> {
  const { store, model, version } = named;
  const wanted = {
    model,
    version: String(version.number),
    alias,
    ...mover(options),
    dryRun,
    ...defined({ onVerdict, moves }),
    progress: progressFor(watch, "verify"),
    signal: watch.signal,
  };
  const { verdict, release } = await promote(store, wanted).catch(async error => {
    // one that was judged and refused has a document
    if (!isLoamError(error) || !error.details) throw error;
    throw withDetails(error, { ...error.details, looks: await looksOf(store, version) });
  });
  if (release) await followServers(folderOf(named));
  return { ...promotionDocument(wanted, version, verdict, release ?? null), looks: await looksOf(store, version) };
}

/** Gives an alias back to the version that had it before. Errors: registry/tampered, store/blobMissing, store/notFound. */
export async function rollbackVersion(
  named: Pick<NamedModelVersion, "store" | "model" | "project">,
  alias: string,
  options: MoveOptions,
  watch: Watch,
): Promise<Release> {
  const { store, model } = named;
  const release = await rollback(store, model, alias, {
    ...mover(options),
    progress: progressFor(watch, "verify"),
    signal: watch.signal,
  });
  await followServers(folderOf(named));
  return release;
}

/** Takes an alias away, where no release guards it. Errors: store/notFound, store/guarded. */
export async function removeAlias(
  named: Pick<NamedModelVersion, "store" | "model" | "project">,
  alias: string,
  options: MoveOptions,
): Promise<Release> {
  const release = await setAlias(named.store, named.model, alias, null, mover(options));
  await followServers(folderOf(named));
  return release;
}

export interface ApproveOptions {
  /** The alias. */
  readonly for: string;
  /** One that the release asks for. */
  readonly role: string;
  /** File of the approver's private key, which signs the approval. */
  readonly key?: string | undefined;
  /** Who approves, where the release takes unsigned approvals; default: the user of this machine. */
  readonly by?: string | undefined;
  /** `by` is an account that a server has checked, and not a name that somebody typed. */
  readonly isVerified?: boolean | undefined;
  /** What was looked at. */
  readonly note?: string | undefined;
  /** Take the approval back. */
  readonly withdraw?: boolean | undefined;
}

export interface ApprovedVersion {
  readonly model: string;
  readonly version: number;
  readonly alias: string;
  readonly changed: boolean;
  readonly approvals: readonly Approval[];
}

/** Errors: registry/role, registry/key, store/notFound, base/missingFile. */
export async function approveVersion(at: Workplace, given: string, options: ApproveOptions): Promise<ApprovedVersion> {
  await using named = await namedVersion(at, given);
  return await approveNamed(named, at.cwd, options);
}

/** A key's file starts in `cwd`. Errors: registry/role, registry/key, base/missingFile. */
export async function approveNamed(
  { store, model, version }: Pick<NamedModelVersion, "store" | "model" | "version">,
  cwd: string,
  { for: alias, role, key, by = thisUser(), isVerified, note, withdraw = false }: ApproveOptions,
): Promise<ApprovedVersion> {
  const db = store.records.read;
  const signer = key === undefined ? undefined : signerOf(readText(resolve(cwd, key)), key);
  const changed = await approve(store, version, await aliasGuardOf(db, model, alias), {
    alias,
    by,
    role,
    isVerified,
    signer,
    note,
    withdraw,
  });
  return { model, version: version.number, alias, changed, approvals: await approvalsOf(db, version, alias) };
}

export interface ArchivedVersion {
  readonly model: string;
  readonly version: number;
  readonly archived: boolean;
  readonly changed: boolean;
}

/** Takes a version out of use, or with `undo` puts it back. Errors: project/argument without a number, registry/inUse, store/notFound. */
export async function archiveVersion(
  at: Workplace,
  given: string,
  { undo = false }: { readonly undo?: boolean | undefined } = {},
): Promise<ArchivedVersion> {
  if (!/@\d+$/.test(given)) throw wrongArgument("loam models archive", "a version: NAME@3", `"${given}"`);
  await using named = await namedVersion(at, given);
  const { store, model, version } = named;
  const mark = { model, number: version.number, kind: "stage", key: "stage", value: undo ? null : "archived" } as const;
  const changed = await setMark(store, mark, async t => {
    const aliases = await t.selectFrom("aliases").select("alias").where("model", "=", model).where("number", "=", version.number).execute();
    if (!undo && aliases.length > 0)
      throw registryErrors.fail("inUse", {
        place: `${model}@${version.number}`,
        expected: "a version without an alias",
        received: aliases.map(a => a.alias).join(", "),
        hint: `Promote another version first, or roll back; \`loam models unalias ${model} ALIAS\` takes away one that nothing guards.`,
      });
  });
  return { model, version: version.number, archived: !undo, changed };
}

export interface VersionGates {
  readonly model: string;
  readonly version: number;
  /** One entry per guarded alias of the model. */
  readonly gates: readonly { readonly alias: string; readonly holder: number | null; readonly verdict: ReleaseVerdict }[];
  /** Whether its bytes are as recorded. */
  readonly files: ReleaseGate;
  readonly looks: readonly LooksReport[];
}

/** What releases ask of a version, and what is met; its files are read as for a promotion. Errors: store/notFound. */
export async function versionGates(at: Workplace, given: string, watch: Watch): Promise<VersionGates> {
  await using named = await namedVersion(at, given);
  const { store, model, version } = named;
  const files = await filesGate(store, version, { how: "read", progress: progressFor(watch, "verify"), signal: watch.signal });
  const gates: VersionGates["gates"][number][] = [];
  for (const guard of await listGuards(store.records.read)) {
    if (guard.rules.models && !guard.rules.models.includes(model)) continue;
    const verdict = withGate(await judgeRelease(store, guard, guard.alias, version), files);
    gates.push({ alias: guard.alias, holder: await holderOf(store.records.read, model, guard.alias), verdict });
  }
  return { model, version: version.number, gates, files, looks: await looksOf(store, version) };
}
