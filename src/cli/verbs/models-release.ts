/** `loam models promote`, `rollback`, `approve`, `archive`: who may have an alias, and who has it. */

import { isLoamError } from "../../base/index.ts";
import { type LooksReport, looksLines, projectFile, wrongArgument } from "../../project/index.ts";
import { namedVersion } from "../../project/models/index.ts";
import {
  approveVersion,
  archiveVersion,
  guardedAliases,
  type PromotedVersion,
  promoteVersion,
  removeAlias,
  rollbackVersion,
  versionGates,
} from "../../project/releases/index.ts";
import type { ReleaseGate, ReleaseVerdict } from "../../registry/index.ts";
import { textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { quietWatchOf } from "../show-call.ts";
import type { Options, VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

function showGates(out: Output, gates: readonly ReleaseGate[]): void {
  const width = Math.max(32, ...gates.map(g => g.gate.length));
  for (const g of gates) out.line(`  ${g.passed ? "pass" : "FAIL"}  ${g.gate.padEnd(width)} ${g.told}`);
}

function showVerdict(out: Output, { rules, gates }: ReleaseVerdict, guarded: readonly string[] = []): void {
  if (rules === null) out.line(`  nothing guards this alias${guarded.length > 0 ? `; ${projectFile} guards ${guarded.join(", ")}` : ""}`);
  showGates(out, gates);
}

/** How often the test sets were looked at that a version was scored on. */
function showLooks(out: Output, looks: readonly LooksReport[]): void {
  for (const l of looks) for (const line of looksLines(l)) out.line(`  ${line}`);
}

const moverOf = (options: Options) => ({ by: textOption(options, "as"), reason: textOption(options, "reason") });

export const modelsPromote: VerbRun = async (context, [given = "", alias = ""], options) => {
  const { out } = context;
  await using named = await namedVersion(workplaceOf(context, options), given);
  const dryRun = options.dryRun === true;
  const guarded = await guardedAliases(named);
  const show = (v: ReleaseVerdict) => showVerdict(out, v, guarded);
  const promoted = await promoteVersion(named, alias, { ...moverOf(options), dryRun }, quietWatchOf(context), show).catch(error => {
    out.clear();
    // one that was judged and refused has the document that it would have given
    if (isLoamError(error)) showLooks(out, (error.details as Partial<PromotedVersion> | undefined)?.looks ?? []);
    throw error;
  });
  out.clear();
  const { model, version, release, looks } = promoted;
  const before = release && release.previous !== null ? `, which was ${model}@${release.previous}` : "";
  const shown = `${model}@${version}`;
  out.line(
    dryRun
      ? `  ${shown} may have ${alias}; nothing was changed`
      : release
        ? `  ${model}@${alias} is ${shown}${before}`
        : `  ${shown} is ${alias} already`,
  );
  showLooks(out, looks);
  out.result(promoted);
};

export const modelsRollback: VerbRun = async (context, [given = "", alias = ""], options) => {
  const { out } = context;
  await using named = await namedVersion(workplaceOf(context, options), given);
  const release = await rollbackVersion(named, alias, moverOf(options), quietWatchOf(context));
  out.clear();
  out.line(
    `  ${named.model}@${alias} is ${named.model}@${release.number} again${release.previous === null ? "" : `, not ${named.model}@${release.previous}`}`,
  );
  out.result({ ...release });
};

export const modelsUnalias: VerbRun = async (context, [given = "", alias = ""], options) => {
  await using named = await namedVersion(workplaceOf(context, options), given);
  const release = await removeAlias(named, alias, moverOf(options));
  context.out.line(`  ${named.model}@${alias} is nothing now, not ${named.model}@${release.previous}`);
  context.out.result({ ...release });
};

export const modelsApprove: VerbRun = async (context, [given = ""], options) => {
  const [alias, role] = [textOption(options, "for"), textOption(options, "role")];
  if (alias === undefined || role === undefined)
    throw wrongArgument("loam models approve", "--for ALIAS and --role ROLE", alias === undefined ? "no alias" : "no role");
  const approved = await approveVersion(workplaceOf(context, options), given, {
    for: alias,
    role,
    key: textOption(options, "key"),
    by: textOption(options, "as"),
    note: textOption(options, "note"),
    withdraw: options.withdraw === true,
  });
  const people = approved.approvals.map(
    a => `${a.by} (${a.role}${a.signedBy !== null ? `, signed by ${a.signedBy}` : a.isVerified ? ", by account" : ", unverified"})`,
  );
  context.out.line(
    `  ${approved.model}@${approved.version} for ${alias}: ${people.join(", ") || "no approval"}${approved.changed ? "" : "   nothing changed"}`,
  );
  context.out.result(approved);
};

export const modelsArchive: VerbRun = async (context, [given = ""], options) => {
  const archived = await archiveVersion(workplaceOf(context, options), given, { undo: options.undo === true });
  context.out.line(
    `  ${archived.model}@${archived.version} is ${archived.archived ? "archived" : "not archived"}${archived.changed ? "" : " already"}`,
  );
  context.out.result(archived);
};

/** `loam models gates`: what aliases ask for, and whether the version's bytes are those that a promotion would move them to. */
export const modelsGates: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const found = await versionGates(workplaceOf(context, options), given, quietWatchOf(context));
  out.clear();
  for (const { alias, holder, verdict } of found.gates) {
    out.line(`  ${alias}${holder === null ? "" : `, now ${found.model}@${holder}`}`);
    showVerdict(out, verdict);
  }
  if (found.gates.length === 0) {
    out.line("  no alias of this model is guarded; `releases:` in loam.yaml does");
    showGates(out, [found.files]);
  }
  showLooks(out, found.looks);
  out.result(found);
};
