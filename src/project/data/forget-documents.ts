/**
 * Documents leave a data set for good: their ids are written under `forget:` of loam.yaml, the data are made anew, and what of the record still holds them
 * is said, or with `apply` removed.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileError, formatCount, readText, writeFileAtomic } from "../../base/index.ts";
import { findId, forgottenReason, type Heir, heirs, idsWithin } from "../../data/index.ts";
import { applyGc, listModels, planGc, removeRunErrors, removeScratch, type Store, type WorkName, workFolder } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { dataLinksOf } from "../data-links.ts";
import { editYaml } from "../edit/edit-yaml.ts";
import { projectErrors } from "../errors.ts";
import { checkKnown, neededByAll, sharingProjects } from "../gc-projects.ts";
import { neededBy } from "../needs.ts";
import { type ProjectFile, parseProject, projectFile } from "../project-file.ts";
import { runLinks } from "../run-links.ts";
import { runLife } from "../runs.ts";
import { dataSketchLink } from "../sketches/index.ts";
import type { Workspace } from "../workspace.ts";
import type { DataSet } from "./data-set.ts";
import { findDocument, knownSets } from "./find-document.ts";
import { type ForgetPlan, forgetPlan, type Holder, holdersOf } from "./forget-plan.ts";

export interface ForgetOptions {
  /** And all documents that are alike: they hold nearly the same text. */
  readonly copies?: boolean | undefined;
  /** Write hashes of the ids into loam.yaml instead of the ids. */
  readonly hashed?: boolean | undefined;
}

/** What of the record holds documents that are forgotten. */
export interface Erasure {
  /** Artifacts that `gc` with `apply` would remove. */
  readonly freed: readonly string[];
  /** Those that it would not, and the versions that need them. */
  readonly held: readonly Holder[];
}

export interface ForgottenSet extends Erasure {
  readonly name: string;
  /** Identifier of the documents without them. */
  readonly artifact: string;
  /** Ids of the documents that are forgotten. */
  readonly documents: readonly string[];
  /** Copies that took their places. */
  readonly heirs: readonly Heir[];
}

export interface ForgottenDocuments {
  readonly forgotten: readonly ForgottenSet[];
  /** Caches that may have held them, removed. */
  readonly removed: readonly string[];
  /** Runs that are under way and may have read them. */
  readonly scratchInUse: readonly string[];
  readonly applied: boolean;
  /** Commands after which nothing of the record holds them; none where nothing does. */
  readonly remaining: readonly string[];
}

/** Hears what happens, for lines between the stages. */
export interface ForgetListener {
  onSet?(set: ForgottenSet): void;
  onCachesRemoved?(removed: readonly string[], runsUnderWay: number): void;
  onVersion?(version: string): void;
  onCollected?(artifacts: number, freedBytes: number): void;
  onErasure?(left: Erasure): void;
}

/** Ids on one line. */
const inLine = 3;
export const fewIds = (ids: readonly string[]): string =>
  `${ids.slice(0, inLine).join(", ")}${ids.length > inLine ? ` and ${formatCount(ids.length - inLine)} more` : ""}`;

/** Ids under `keep:` that stay there: one that is forgotten cannot be kept. */
function keptOf(project: ProjectFile, { name, documents }: ForgetPlan): readonly string[] | undefined {
  const keep = project.config.data[name]?.keep ?? [];
  const left = keep.filter(id => !documents.some(d => d.id === id));
  return left.length < keep.length ? left : undefined;
}

/** The whole id of a forgotten document, or the beginning of one that is listed by name. */
function isForgotten(entries: readonly string[], head: string, text: string): boolean {
  const whole = text.startsWith(head) ? text : head + text;
  return forgottenReason(entries)(whole) !== undefined || entries.some(e => e.startsWith(whole));
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

/** What of the record holds the documents still, after the data were made without them. */
async function erasureOf(project: ProjectFile, store: Store, plan: ForgetPlan): Promise<Erasure> {
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

/** Models of loam.yaml of which a version came of what still holds the documents. */
const staleModels = (project: ProjectFile, left: readonly Erasure[]): string[] =>
  [...new Set(left.flatMap(l => l.held.flatMap(h => h.versions.map(v => v.replace(/@.*/, "")))))].filter(
    name => Object.hasOwn(project.config.models, name) || Object.hasOwn(project.config.tuned, name),
  );

/** Retrains the models made from the documents, then deletes unreferenced artifacts. Errors: those of `run` and of `gc` with `apply`. */
async function erase(file: ProjectFile, store: Store, plans: readonly ForgetPlan[], watch: Watch, listener: ForgetListener): Promise<void> {
  const left = await Promise.all(plans.map(plan => erasureOf(file, store, plan)));
  for (const model of staleModels(file, left)) {
    const { version } = await runLife(file, store, model, {}, watch);
    if (version !== undefined) listener.onVersion?.(version);
  }
  checkKnown(await sharingProjects(file, store));
  const needs = async (kept: Parameters<typeof neededByAll>[3]) => neededByAll(file, await sharingProjects(file, store), store, kept);
  const { artifacts, freedBytes } = await applyGc(store, { roots: [], needs, signal: watch.signal });
  listener.onCollected?.(artifacts.length, freedBytes);
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
  const at = (name: WorkName): string => workFolder(project.folder, name, project.config.store.encrypt);
  const kept = at("kept");
  const others = existsSync(kept) ? readdirSync(kept).filter(name => !Object.hasOwn(project.config.data, name)) : [];
  const caches = (["answers", "effects", "teachers", "cache"] as const).map(name => [name as string, at(name)] as const);
  const folders = [...caches, ...others.map(name => [join("kept", name), join(kept, name)] as const)].filter(([, path]) =>
    existsSync(path),
  );
  for (const [, path] of folders) {
    try {
      rmSync(path, { recursive: true });
    } catch (error) {
      throw fileError(error, path);
    }
  }
  return folders.map(([name]) => join(".loam", name));
}

/** What hangs on the documents, by data set; those that are forgotten already are left out, with a note. Errors: data/unknownDocument, project/nothing. */
export async function planForget(
  at: Workspace,
  documents: readonly string[],
  { copies = false, hashed = false }: ForgetOptions,
  { emit }: Pick<Watch, "emit">,
): Promise<ForgetPlan[]> {
  const store = await at.store();
  const sets = await knownSets(at.file, store);
  const entriesOf = (name: string) => at.file.config.data[name]?.forget ?? [];
  const meant = new Map<string, { readonly set: DataSet; readonly ids: Set<string> }>();
  for (const text of documents) {
    if (sets.some(({ set, ids }) => findId(ids, text).id === undefined && isForgotten(entriesOf(set.name), `${set.name}:`, text))) {
      emit({ event: "note", message: `${text}: forgotten already` });
      continue;
    }
    const { set, id } = findDocument(sets, text);
    const of = meant.get(set.name) ?? { set, ids: new Set<string>() };
    of.ids.add(id);
    meant.set(set.name, of);
  }
  const plans: ForgetPlan[] = [];
  for (const { set, ids } of meant.values()) {
    const first = await forgetPlan(store, set, [...ids].sort(), hashed);
    plans.push(copies && first.copies.length > 0 ? await forgetPlan(store, set, [...ids, ...first.copies].sort(), hashed) : first);
  }
  return plans;
}

/** Makes a data set without the documents. */
async function forgetIn(file: ProjectFile, store: Store, plan: ForgetPlan, watch: Watch): Promise<ForgottenSet> {
  const { made } = await runLinks(store, [...dataLinksOf(file, plan.name), dataSketchLink(plan.name)], {}, watch);
  const artifact = made.get(`data/${plan.name}`)!;
  const going = new Set(plan.documents.map(d => d.id));
  const orphans = [...new Set(plan.documents.flatMap(d => d.standsFor))].filter(id => !going.has(id)).sort();
  const still = await idsWithin(artifact, [...going]);
  if (still.length > 0)
    throw projectErrors.fail("damaged", {
      place: artifact.id,
      expected: "none of the forgotten documents",
      received: fewIds(still),
      hint: "This is a fault in Loam; the ids are under `forget:` all the same.",
    });
  const found = await heirs(artifact, orphans);
  const left = await erasureOf(file, store, plan);
  return { name: plan.name, artifact: artifact.id, documents: plan.documents.map(d => d.id), heirs: found, ...left };
}

/** Writes loam.yaml, makes the data anew, removes caches; with `apply` retrains the models made from the documents and deletes unreferenced artifacts. */
export async function applyForget(
  at: Workspace,
  plans: readonly ForgetPlan[],
  { apply = false }: { readonly apply?: boolean | undefined },
  watch: Watch,
  listener: ForgetListener = {},
): Promise<ForgottenDocuments> {
  const store = await at.store();
  write(at.file, plans);
  const file = at.reread();
  const sets: ForgottenSet[] = [];
  for (const plan of plans) {
    const set = await forgetIn(file, store, plan, watch);
    listener.onSet?.(set);
    sets.push(set);
  }
  const scratch = await removeScratch(store);
  await removeRunErrors(store);
  const removed = [...removeCaches(file), ...scratch.removed.map(recipe => join(".loam", "scratch", recipe))];
  listener.onCachesRemoved?.(removed, scratch.inUse.length);
  if (apply) await erase(file, store, plans, watch, listener);
  const left = await Promise.all(plans.map(plan => erasureOf(file, store, plan)));
  if (apply) for (const one of left) listener.onErasure?.(one);
  const remaining = await remainingCommands(file, store, left);
  const forgottenSets = sets.map((set, i) => ({ ...set, ...left[i]! }));
  return { forgotten: forgottenSets, removed, scratchInUse: scratch.inUse, applied: apply, remaining };
}
