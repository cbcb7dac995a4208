/** `loam models promote`, `rollback`, `approve`, `archive`: who may have an alias, and who has it. */

import { resolve } from "node:path";
import { isLoamError, type Progress, readText, withDetails } from "../../base/index.ts";
import { type LooksReport, looksLines, looksReport, projectFile } from "../../project/index.ts";
import {
  approvalsOf,
  approve,
  filesGate,
  type Gate,
  judge,
  promote,
  promotionDocument,
  registryErrors,
  rollback,
  signerOf,
  type Verdict,
  withGate,
} from "../../registry/index.ts";
import { guardOf, holderOf, listGuards, looksOfContent, type ModelVersion, type Store, setAlias, setMark } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { namedModel, personOf } from "../releases/named-version.ts";
import type { VerbRun } from "../verb.ts";

/** Of bytes that are read, for people: programs get one document. */
export const shownProgress = (out: Output): Progress | undefined => (out.json ? undefined : out.progress("verify"));

function showGates(out: Output, gates: readonly Gate[]): void {
  const width = Math.max(32, ...gates.map(g => g.gate.length));
  for (const g of gates) out.line(`  ${g.passed ? "pass" : "FAIL"}  ${g.gate.padEnd(width)} ${g.told}`);
}

function showVerdict(out: Output, { rules, gates }: Verdict, guarded: readonly string[] = []): void {
  if (rules === null) out.line(`  nothing guards this alias${guarded.length > 0 ? `; ${projectFile} guards ${guarded.join(", ")}` : ""}`);
  showGates(out, gates);
}

/** How often the test sets were looked at that a version was scored on. */
async function showLooks(out: Output, store: Store, version: ModelVersion): Promise<LooksReport[]> {
  const looks = (await looksOfContent(store.records.read, version.digest)).map(l => looksReport(l));
  for (const l of looks) for (const line of looksLines(l)) out.line(`  ${line}`);
  return looks;
}

export const modelsPromote: VerbRun = async (context, [given = "", alias = ""], options) => {
  const { out, signal } = context;
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const dryRun = options.dryRun === true;
  const guards = await listGuards(store.records.read);
  const guarded = guards.filter(g => g.rules.models?.includes(model) ?? true).map(g => g.alias);
  const wanted = {
    model,
    version: String(version.number),
    alias,
    by: personOf(options),
    reason: textOption(options, "reason"),
    dryRun,
    onVerdict: (v: Verdict) => showVerdict(out, v, guarded),
    progress: shownProgress(out),
    signal,
  };
  const { verdict, release } = await promote(store, wanted).catch(async error => {
    out.clear();
    // one that was judged and refused has a document
    if (!isLoamError(error) || !error.details) throw error;
    throw withDetails(error, { ...error.details, looks: await showLooks(out, store, version) });
  });
  out.clear();
  const before = release && release.previous !== null ? `, which was ${model}@${release.previous}` : "";
  const shown = `${model}@${version.number}`;
  out.line(
    dryRun
      ? `  ${shown} may have ${alias}; nothing was changed`
      : release
        ? `  ${model}@${alias} is ${shown}${before}`
        : `  ${shown} is ${alias} already`,
  );
  const looks = await showLooks(out, store, version);
  out.result({ ...promotionDocument(wanted, version, verdict, release ?? null), looks });
};

export const modelsRollback: VerbRun = async (context, [given = "", alias = ""], options) => {
  await using named = await namedModel(context, options, given);
  const { out, signal } = context;
  const mover = { by: personOf(options), reason: textOption(options, "reason") };
  const release = await rollback(named.store, named.model, alias, { ...mover, progress: shownProgress(out), signal });
  out.clear();
  context.out.line(
    `  ${named.model}@${alias} is ${named.model}@${release.number} again${release.previous === null ? "" : `, not ${named.model}@${release.previous}`}`,
  );
  context.out.result({ ...release });
};

export const modelsUnalias: VerbRun = async (context, [given = "", alias = ""], options) => {
  await using named = await namedModel(context, options, given);
  const release = await setAlias(named.store, named.model, alias, null, { by: personOf(options), reason: textOption(options, "reason") });
  context.out.line(`  ${named.model}@${alias} is nothing now, not ${named.model}@${release.previous}`);
  context.out.result({ ...release });
};

export const modelsApprove: VerbRun = async (context, [given = ""], options) => {
  const [alias, role] = [textOption(options, "for"), textOption(options, "role")];
  if (alias === undefined || role === undefined)
    throw cliErrors.fail("usage", {
      place: "loam models approve",
      expected: "--for ALIAS and --role ROLE",
      received: alias === undefined ? "no alias" : "no role",
    });
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const db = store.records.read;
  const key = textOption(options, "key");
  const signer = key === undefined ? undefined : signerOf(readText(resolve(context.cwd, key)), key);
  const by = personOf(options);
  const isNew = await approve(store, version, await guardOf(db, model, alias), {
    alias,
    by,
    role,
    signer,
    note: textOption(options, "note"),
    withdraw: options.withdraw === true,
  });
  const approvals = await approvalsOf(db, version, alias);
  context.out.line(
    `  ${model}@${version.number} for ${alias}: ${approvals.map(a => `${a.by} (${a.role}${a.signedBy === null ? "" : `, signed by ${a.signedBy}`})`).join(", ") || "no approval"}${isNew ? "" : "   nothing changed"}`,
  );
  context.out.result({ model, version: version.number, alias, changed: isNew, approvals });
};

export const modelsArchive: VerbRun = async (context, [given = ""], options) => {
  if (!/@\d+$/.test(given))
    throw cliErrors.fail("usage", { place: "loam models archive", expected: "a version: NAME@3", received: `"${given}"` });
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const undo = options.undo === true;
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
  context.out.line(`  ${model}@${version.number} is ${undo ? "not archived" : "archived"}${changed ? "" : " already"}`);
  context.out.result({ model, version: version.number, archived: !undo, changed });
};

/** `loam models gates`: what aliases ask for, and whether the version's bytes are those that a promotion would move them to. */
export const modelsGates: VerbRun = async (context, [given = ""], options) => {
  await using named = await namedModel(context, options, given);
  const { store, model, version } = named;
  const { out, signal } = context;
  const files = await filesGate(store, version, { how: "read", progress: shownProgress(out), signal });
  out.clear();
  const all = [];
  for (const guard of await listGuards(store.records.read)) {
    if (guard.rules.models && !guard.rules.models.includes(model)) continue;
    const verdict = withGate(await judge(store, guard, guard.alias, version), files);
    const holder = await holderOf(store.records.read, model, guard.alias);
    out.line(`  ${guard.alias}${holder === null ? "" : `, now ${model}@${holder}`}`);
    showVerdict(out, verdict);
    all.push({ alias: guard.alias, holder, verdict });
  }
  if (all.length === 0) {
    out.line("  no alias of this model is guarded; `releases:` in loam.yaml does");
    showGates(out, [files]);
  }
  const looks = await showLooks(out, store, version);
  out.result({ model, version: version.number, gates: all, files, looks });
};
