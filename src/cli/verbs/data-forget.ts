/**
 * `loam data forget`: documents leave a data set for good. Shows what hangs on them, writes their ids under `forget:` of loam.yaml, makes the
 * data anew, and says who took their places and what of the record still holds them.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileError, formatBytes, formatCount, readText, writeFileAtomic } from "../../base/index.ts";
import { findId, forgotten, type Heir, heirs, idsWithin } from "../../data/index.ts";
import type { DataSet } from "../../project/data/index.ts";
import { type ForgetPlan, findDocument, forgetPlan, type Holder, holdersOf, knownSets } from "../../project/data/index.ts";
import { editYaml } from "../../project/edit/index.ts";
import {
  checkKnown,
  dataLinksOf,
  findProject,
  neededBy,
  neededByAll,
  type ProjectFile,
  parseProject,
  projectErrors,
  projectFile,
  runLife,
  runLinks,
  sharingProjects,
  withProjectStore,
} from "../../project/index.ts";
import { applyGc, listModels, planGc, removeRunErrors, removeScratch, type Store } from "../../store/index.ts";
import { askYes } from "../data/ask-yes.ts";
import { cliErrors } from "../errors.ts";
import { watchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** Ids and copies that are listed. */
const listed = 8;
/** Ids on one line. */
const inLine = 3;
const few = (ids: readonly string[]): string =>
  `${ids.slice(0, inLine).join(", ")}${ids.length > inLine ? ` and ${formatCount(ids.length - inLine)} more` : ""}`;
const count = (n: number, one: string, many = `${one}s`): string => `${formatCount(n)} ${n === 1 ? one : many}`;
const modelNames = (models: ForgetPlan["trainedOnThem"]): string[] =>
  models.map(m => (m.versions.length > 0 ? `${m.versions.join(", ")} (${m.artifact})` : m.artifact));

const listOf = (project: ProjectFile, name: string): readonly string[] => project.config.data[name]?.forget ?? [];

/** Ids under `keep:` that stay there: one that is forgotten cannot be kept. */
function keptOf(project: ProjectFile, { name, documents }: ForgetPlan): readonly string[] | undefined {
  const keep = project.config.data[name]?.keep ?? [];
  const left = keep.filter(id => !documents.some(d => d.id === id));
  return left.length < keep.length ? left : undefined;
}

/** The whole id of a forgotten document, or the beginning of one that is listed by name. */
function isForgotten(entries: readonly string[], head: string, text: string): boolean {
  const whole = text.startsWith(head) ? text : head + text;
  return forgotten(entries)(whole) !== undefined || entries.some(e => e.startsWith(whole));
}

function show({ out }: Context, plan: ForgetPlan): void {
  out.line(`  data/${plan.name}   ${plan.artifact}\n`);
  for (const d of plan.documents) {
    out.line(`  ${d.id}  ${d.side}, ${formatBytes(d.sizeBytes)}, read from ${d.source}`);
    if (d.standsFor.length > 0)
      out.line(`      stays for ${count(d.standsFor.length, "copy", "copies")}, which elect another: ${few(d.standsFor)}`);
    if (d.survivor !== undefined) out.line(`      dropped as a copy; ${d.survivor} stays and holds nearly the same text`);
  }
  if (plan.copies.length > 0)
    out.line(
      `\n  ${count(plan.copies.length, "document is", "documents are")} alike and not forgotten: ${few(plan.copies)}\n  (--copies forgets them too)`,
    );
  if (plan.holders.length > 0) {
    out.line("\n  Artifacts that hold them");
    for (const h of plan.holders)
      out.line(
        `      ${h.artifact.padEnd(26)} ${count(h.documents, "document")}${h.versions.length > 0 ? `; ${h.versions.join(", ")} came of it` : ""}`,
      );
  }
  if (plan.trainedOnThem.length > 0) out.line(`\n  Models trained on them: ${modelNames(plan.trainedOnThem).join("; ")}`);
  if (plan.heldOutFrom.length > 0) out.line(`  Models measured on them: ${modelNames(plan.heldOutFrom).join("; ")}`);
  out.line(`\n  ${projectFile}: data.${plan.name}.forget gets ${few(plan.documents.map(d => d.entry))}`);
}

/** Writes the entries into the project file; what would not be a project any more is not written. */
function write(project: ProjectFile, plans: readonly ForgetPlan[]): void {
  let text = readText(project.file);
  for (const plan of plans) {
    const path = ["data", plan.name];
    const keep = keptOf(project, plan);
    if (keep) text = editYaml(text, { kind: "set", path, key: "keep", value: keep }, projectFile);
    text = editYaml(text, { kind: "append", path, key: "forget", items: plan.documents.map(d => d.entry) }, projectFile);
  }
  parseProject(text, projectFile);
  writeFileAtomic(project.file, text);
}

interface Erasure {
  /** What `loam gc --apply` would take. */
  readonly freed: readonly string[];
  /** What it would not, and the versions that need it. */
  readonly held: readonly Holder[];
}

/** What of the record holds the documents still, after the data were made without them. */
async function erasure(project: ProjectFile, store: Store, plan: ForgetPlan): Promise<Erasure> {
  const ids = plan.documents.map(d => d.id);
  const holders = await holdersOf(
    store,
    ids,
    plan.documents.map(d => d.where),
  );
  const planned = await planGc(store, { roots: [], needs: kept => neededBy(project, store, kept) });
  const going = new Set(planned.artifacts.map(a => a.id));
  return { freed: holders.filter(h => going.has(h.artifact)).map(h => h.artifact), held: holders.filter(h => !going.has(h.artifact)) };
}

function showHeirs({ out }: Context, found: readonly Heir[]): void {
  for (const h of found.slice(0, listed))
    out.line(
      h.side === "dropped"
        ? `  ${h.id}  dropped${h.survivor === undefined ? "" : `; ${h.survivor} stays in its place`}`
        : `  ${h.id}  stays now, on the side ${h.side}`,
    );
  if (found.length > listed) out.line(`  and ${formatCount(found.length - listed)} more`);
}

function showErasure({ out }: Context, { freed, held }: Erasure): void {
  if (freed.length === 0 && held.length === 0) {
    out.line("\n  No artifact of the record holds them any more.");
    return;
  }
  out.line("\n  What holds them still");
  if (freed.length > 0) out.line(`      ${freed.join(", ")}: nothing needs it; loam gc --apply removes it`);
  for (const h of held)
    out.line(
      `      ${h.artifact}: ${h.versions.length > 0 ? `${h.versions.join(", ")} came of it; train anew without them (loam run), then loam gc --apply` : "in use; loam gc tells by what"}`,
    );
  out.line("      Lists of ids stay in the record, so that old answers can be traced; sources and exported folders are yours to change.");
}

/** Models of loam.yaml of which a version came of what still holds the documents. */
const staleModels = (project: ProjectFile, left: readonly Erasure[]): string[] =>
  [...new Set(left.flatMap(l => l.held.flatMap(h => h.versions.map(v => v.replace(/@.*/, "")))))].filter(
    name => Object.hasOwn(project.config.models, name) || Object.hasOwn(project.config.tuned, name),
  );

/** Retrains the models made from the documents, then deletes unreferenced artifacts. Errors: those of `loam run` and `loam gc --apply`. */
async function apply(context: Context, project: ProjectFile, store: Store, plans: readonly ForgetPlan[]): Promise<void> {
  const left = await Promise.all(plans.map(plan => erasure(project, store, plan)));
  for (const model of staleModels(project, left)) {
    const { version } = await runLife(project, store, model, {}, watchOf(context));
    if (version !== undefined) context.out.line(`  ${version}`);
  }
  const sharing = await sharingProjects(project, store);
  checkKnown(sharing);
  const needs = async (kept: Parameters<typeof neededByAll>[3]) => neededByAll(project, await sharingProjects(project, store), store, kept);
  const { artifacts, freedBytes } = await applyGc(store, { roots: [], needs, signal: context.signal });
  context.out.line(`  removed ${count(artifacts.length, "artifact")}, ${formatBytes(freedBytes)}`);
  // what was trained meanwhile read nothing that is forgotten; what an earlier run left is gone already
  await removeScratch(store);
}

/** The commands after which nothing of the record holds the documents any more; empty where nothing does. */
async function remainingCommands(project: ProjectFile, store: Store, left: readonly Erasure[]): Promise<string[]> {
  const held = left.flatMap(l => l.held);
  if (held.length === 0 && left.every(l => l.freed.length === 0)) return [];
  const models = await listModels(store);
  const commands = new Set<string>();
  for (const name of new Set(held.flatMap(h => h.versions))) {
    const [model, number] = [name.replace(/@.*/, ""), Number(name.replace(/.*@/, ""))];
    const versions = models.find(m => m.model === model)?.versions ?? [];
    const newest = Math.max(...versions.map(v => v.number));
    const aliases = versions.find(v => v.number === number)?.aliases ?? [];
    if (newest === number && staleModels(project, left).includes(model)) commands.add(`loam run --model ${model}`);
    else {
      if (newest !== number) for (const alias of aliases) commands.add(`loam models promote ${model}@${newest} ${alias}`);
      // gc keeps the files of a version that a rollback would go to
      commands.add(`loam models archive ${name}`);
    }
  }
  return [...commands, "loam gc --apply"];
}

/** Removes what saves time and may hold text of documents that are forgotten: answers of endpoints, scores, reading of data sets that are gone. */
function removeCaches(project: ProjectFile): string[] {
  const folder = join(project.folder, ".loam");
  const kept = join(folder, "kept");
  const others = existsSync(kept) ? readdirSync(kept).filter(name => !Object.hasOwn(project.config.data, name)) : [];
  const removed = ["answers", "effects", "teachers", "cache", ...others.map(name => join("kept", name))].filter(name =>
    existsSync(join(folder, name)),
  );
  for (const name of removed) {
    try {
      rmSync(join(folder, name), { recursive: true });
    } catch (error) {
      throw fileError(error, join(folder, name));
    }
  }
  return removed.map(name => join(".loam", name));
}

/** The documents that are meant, by data set, without those that are forgotten already. */
async function plansOf(
  context: Context,
  project: ProjectFile,
  store: Store,
  texts: readonly string[],
  options: { readonly copies: boolean; readonly hashed: boolean },
) {
  const sets = await knownSets(project, store);
  const meant = new Map<string, { readonly set: DataSet; readonly ids: Set<string> }>();
  for (const text of texts) {
    if (sets.some(({ set, ids }) => findId(ids, text).id === undefined && isForgotten(listOf(project, set.name), `${set.name}:`, text))) {
      context.out.line(`  ${text}: forgotten already`);
      continue;
    }
    const { set, id } = findDocument(sets, text);
    const of = meant.get(set.name) ?? { set, ids: new Set<string>() };
    of.ids.add(id);
    meant.set(set.name, of);
  }
  const plans: ForgetPlan[] = [];
  for (const { set, ids } of meant.values()) {
    const first = await forgetPlan(store, set, [...ids].sort(), options.hashed);
    plans.push(
      options.copies && first.copies.length > 0 ? await forgetPlan(store, set, [...ids, ...first.copies].sort(), options.hashed) : first,
    );
  }
  return plans;
}

export const dataForget: VerbRun = async (context, args, options) => {
  const { out } = context;
  const texts = [args].flat(2).filter((t): t is string => typeof t === "string" && t !== "");
  if (texts.length === 0)
    throw cliErrors.fail("usage", {
      place: "loam data forget",
      expected: "ids of documents",
      received: "none",
      hint: "`loam data explain` shows one.",
    });
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    const plans = await plansOf(context, project, store, texts, { copies: options.copies === true, hashed: options.hashed === true });
    for (const plan of plans) show(context, plan);
    if (plans.length === 0) return out.result({ event: "result", forgotten: [], ran: 0 });
    out.event("plan", { plans });
    if (options.dryRun === true) return out.result({ event: "result", forgotten: [], ran: 0 });
    await askYes(
      context,
      options,
      "loam data forget",
      `\nForget ${count(
        plans.reduce((n, p) => n + p.documents.length, 0),
        "document",
      )} and make the data anew?`,
    );

    write(project, plans);
    const changed = findProject(project.folder);
    const results: object[] = [];
    for (const plan of plans) {
      const { made } = await runLinks(store, dataLinksOf(changed, plan.name), {}, watchOf(context));
      const artifact = made.get(`data/${plan.name}`)!;
      const going = new Set(plan.documents.map(d => d.id));
      const orphans = [...new Set(plan.documents.flatMap(d => d.standsFor))].filter(id => !going.has(id)).sort();
      const still = await idsWithin(artifact, [...going]);
      if (still.length > 0)
        throw projectErrors.fail("damaged", {
          place: artifact.id,
          expected: "none of the forgotten documents",
          received: few(still),
          hint: "This is a fault in Loam; the ids are under `forget:` all the same.",
        });
      const found = await heirs(artifact, orphans);
      if (found.length > 0) out.line("\n  Who took their places");
      showHeirs(context, found);
      const left = await erasure(changed, store, plan);
      showErasure(context, left);
      results.push({ name: plan.name, artifact: artifact.id, documents: plan.documents.map(d => d.id), heirs: found, ...left });
    }
    const scratch = await removeScratch(store);
    await removeRunErrors(store);
    const removed = [...removeCaches(changed), ...scratch.removed.map(recipe => join(".loam", "scratch", recipe))];
    if (scratch.inUse.length > 0)
      out.warn(
        `loam: ${count(scratch.inUse.length, "run is", "runs are")} under way and may have read them: run loam data forget again when ${scratch.inUse.length === 1 ? "it has" : "they have"} ended.`,
      );
    if (removed.length > 0) out.line(`      removed ${removed.join(", ")}, which may have held them and only save time`);
    if (options.apply === true) await apply(context, changed, store, plans);
    const left = await Promise.all(plans.map(plan => erasure(changed, store, plan)));
    if (options.apply === true) for (const one of left) showErasure(context, one);
    const remaining = await remainingCommands(changed, store, left);
    out.line(remaining.length > 0 ? `\n  next: ${remaining.join("; ")}` : "\n  nothing remains to be done");
    const forgotten = results.map((result, i) => ({ ...result, ...left[i] }));
    out.result({ event: "result", forgotten, removed, scratchInUse: scratch.inUse, applied: options.apply === true, remaining });
  });
};
