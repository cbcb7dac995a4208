/** The project file: `loam.yaml` as a checked value, and the store it names. One file describes a life; unknown keys are errors. */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Json, nearest, parseYaml, readText } from "../base/index.ts";
import { checkConditions } from "../registry/index.ts";
import { noteProject, openStore, type Store, setGuards } from "../store/index.ts";
import { dataSetOf, madeOf } from "../tune/part.ts";
import type { RunEnvironment } from "./environment.ts";
import { projectErrors } from "./errors.ts";
import { checkLoops } from "./looping/loop-part.ts";
import { checkDocument, type ProjectConfig } from "./part.ts";
import { aliasGuards } from "./releases/guards-of.ts";
import { checkSearches } from "./searching/check-searches.ts";
import { servedAs, servedNames } from "./serving/served-as.ts";

export const projectFile = "loam.yaml";

export interface ProjectFile {
  readonly folder: string;
  readonly file: string;
  readonly config: ProjectConfig;
}

/** Names that the file uses must be names that it defines. */
function checkReferences(c: ProjectConfig, file: string): void {
  const refer = (where: string, what: string, value: string, known: readonly string[], otherwise?: string) => {
    if (known.includes(value)) return;
    const near = nearest(value, known);
    const hint = near ? `Did you mean "${near}"?` : otherwise;
    throw projectErrors.fail("reference", {
      place: `${file}: ${where}`,
      expected: `${what} (${known.join(", ") || "none is defined"})`,
      received: `"${value}"`,
      ...(hint ? { hint } : {}),
    });
  };
  const data = Object.keys(c.data);
  if (Object.keys(c.models).length > 0) refer("tokenizer.from", "a data set", c.tokenizer.from, data);
  for (const [model, m] of Object.entries(c.models)) refer(`models.${model}.train.on`, "a data set", m.train.on, data);
  for (const [model, { tune, purpose }] of Object.entries(c.tuned)) {
    const dataSet = dataSetOf(tune);
    if (purpose && dataSet === undefined)
      throw projectErrors.fail("reference", {
        place: `${file}: models.${model}.purpose`,
        expected: "a tuning on a data set, whose documents state their purpose",
        received: `the file "${tune.on}"`,
        hint: "Make the file a data set (`data:`), or leave `purpose` out.",
      });
    if (dataSet !== undefined) refer(`models.${model}.tune.on`, "a data set", dataSet, data);
    checkBases(c, model, file);
  }
  for (const [search, { model }] of Object.entries(c.searches)) refer(`searches.${search}.model`, "a model", model, modelsOf(c));
  for (const [alias, rules] of Object.entries(c.releases)) checkConditions(rules, alias, `${file}: releases.${alias}`);
  for (const [set, { on }] of Object.entries(c.labels)) refer(`labels.${set}.on`, "a data set", on, data);
  for (const [rule, { data: on }] of Object.entries(c.retention))
    if (on !== undefined) refer(`retention.${rule}.data`, "a data set", on, data);
  servedAs(c.serve, file);
  checkLoops(c);
  // several may be served that no project has made: `loam models import` brings them in
  const served = c.serve?.model?.split("@")[0];
  if (served !== undefined)
    refer("serve.model", "a model", served, modelsOf(c), `For an imported model write serve: { models: { ${served}: {} } }.`);
}

/** What a model is made of must not be made of it. A name that the file lacks is looked for in the record when it is needed. */
function checkBases(c: ProjectConfig, model: string, file: string): void {
  const follow = (path: readonly string[]): void => {
    const tuned = c.tuned[path.at(-1)!];
    for (const next of tuned ? madeOf(tuned) : []) {
      if (path.includes(next))
        throw projectErrors.fail("reference", {
          place: `${file}: models.${model}.${c.tuned[model]!.base === (path[1] ?? next) ? "base" : "tune.teacher"}`,
          expected: "a model that is not made of this one",
          received: [...path, next].join(" <- "),
        });
      follow([...path, next]);
    }
  };
  follow([model]);
}

/** Names of all models of a file. */
export const modelsOf = (c: Pick<ProjectConfig, "models" | "tuned">): string[] => [...Object.keys(c.models), ...Object.keys(c.tuned)];

/** Checks what a project file says, its searches left aside; `place` names it in errors. */
export function checkProject(raw: unknown, place: string): ProjectConfig {
  const config = checkDocument(raw, place);
  checkReferences(config, place);
  return config;
}

/** Parses and checks the text of a project file; `place` names it in errors. */
export function parseProject(text: string, place: string): ProjectConfig {
  const raw = parseYaml(text, place);
  const config = checkProject(raw, place);
  checkSearches(raw as Json, config, place, checkProject);
  return config;
}

/** What a project's file says, as it is written. */
export const findRaw = (p: ProjectFile): Json => parseYaml(readText(p.file), projectFile) as Json;

/** The project of a folder. Errors: base/missingFile, and those of what it says. */
export function readProject(folder: string): ProjectFile {
  const file = join(folder, projectFile);
  return { folder, file, config: parseProject(readText(file), projectFile) };
}

/** The project in a folder or the nearest one above it. */
export function findProject(from: string): ProjectFile {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const file = join(folder, projectFile);
    if (existsSync(file)) return readProject(folder);
    if (dirname(folder) === folder)
      throw projectErrors.fail("noProject", {
        place: resolve(from),
        expected: `a ${projectFile} here or in a folder above`,
        received: "none",
        hint: "`loam init NAME` writes a project.",
      });
  }
}

/** Opens it; what the file's releases ask for guards the record's aliases from then on, and gc of other files knows of this one. Errors: those of the store; registry/key. */
export async function openProjectStore(p: ProjectFile): Promise<Store> {
  const guards = aliasGuards(p);
  const { records, blobs, encrypt } = p.config.store;
  // what computes is loaded when a stage runs
  let known: Promise<RunEnvironment> | undefined;
  const environment = () => (known ??= import("./environment.ts").then(m => m.environmentOf(p.config.device)()));
  const machine = (measure: boolean) => import("./ledger-machine.ts").then(m => m.ledgerMachine(p.config.device, measure));
  const store = await openStore({ root: p.folder, records, blobs, encrypt, environment, machine });
  if (store.isReadOnly) return store;
  try {
    await setGuards(store, guards);
    await noteProject(store, readText(p.file));
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Opens the project's store for as long as `use` takes. */
export async function withProjectStore<T>(p: ProjectFile, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openProjectStore(p);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** The project's own model that it serves; the first of several. */
export const servedModelOf = ({ config }: ProjectFile): string | undefined =>
  servedNames(config.serve)
    .map(served => served.split("@")[0]!)
    .find(served => modelsOf(config).includes(served));

/** The project's own models that it serves, in order. */
export const servedModelsOf = ({ config }: Pick<ProjectFile, "config">): string[] =>
  servedNames(config.serve)
    .map(served => served.split("@")[0]!)
    .filter((served, i, all) => modelsOf(config).includes(served) && all.indexOf(served) === i);

/** The model that a command means: the one named, else the served one, else the only one. */
export function modelNameOf(p: ProjectFile, given: string | undefined): string {
  const known = modelsOf(p.config);
  const wanted = given ?? servedModelOf(p) ?? (known.length === 1 ? known[0] : undefined);
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  if (known.length === 0)
    throw projectErrors.fail("argument", {
      place: "model",
      expected: `a model in ${projectFile}`,
      received: "none",
      hint: Object.keys(p.config.data).length > 0 ? "`loam data run` curates data sets; `models:` says what is trained." : undefined,
    });
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw projectErrors.fail("argument", {
    place: "model",
    expected: `one of ${known.join(", ")}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near
      ? { hint: `Did you mean "${near}"?` }
      : wanted === undefined
        ? { hint: `Name it, or say in ${projectFile} which is served: serve: { model: ${known[0]} }.` }
        : {}),
  });
}
