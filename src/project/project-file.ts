/** The project file: `loam.yaml` as a checked value, and the store it names. One file describes a life; unknown keys are errors. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { check, type Json, nearest, parseYaml, readText } from "../base/index.ts";
import { dataPart } from "../data/index.ts";
import { baselineNames } from "../evaluate/index.ts";
import { checkConditions, releasesPart } from "../registry/index.ts";
import { noteProject, openStore, type Store, setGuards } from "../store/index.ts";
import { deviceNames } from "../tensor/index.ts";
import { defaultSpecialTokens } from "../text/index.ts";
import { modelPart, recipeSchema } from "../train/index.ts";
import { searchPart } from "../tune/index.ts";
import type { RunEnvironment } from "./environment.ts";
import { projectErrors } from "./errors.ts";
import { labelPart } from "./labelling/label-part.ts";
import { guardsOf } from "./releases/guards-of.ts";
import { checkSearches } from "./searching/check-searches.ts";
import { servedAs, servedNames, servePart } from "./serving/serve-part.ts";
import { dataSetOf, isTuned, madeOf, type TunedModel, tunedModel } from "./tuning/tune-part.ts";

export const projectFile = "loam.yaml";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, "a short name of letters, digits and -");

const trainPart = recipeSchema.extend({
  /** The data set to train on. */
  on: name,
  /** Tokens a row; the model's context when absent. */
  length: z.number().int().min(2).optional(),
});

const projectSchema = z.strictObject({
  name: name.optional(),
  store: z.strictObject({ records: z.string().optional(), blobs: z.string().optional() }).prefault({}),
  data: z.record(name, dataPart),
  tokenizer: z.strictObject({
    kind: z.literal("bpe").default("bpe"),
    vocab: z
      .number()
      .int()
      .min(257 + defaultSpecialTokens.length),
    /** The data set whose train side it is trained on. */
    from: name,
    specialTokens: z.array(z.string().min(1)).optional(),
    minFrequency: z.number().int().min(1).optional(),
  }),
  /** Those that are trained from nothing; tuned ones are checked apart. */
  models: z.record(
    name,
    modelPart.extend({
      train: trainPart,
      evaluate: z.strictObject({ baselines: z.array(z.enum(baselineNames)).default([...baselineNames]) }).prefault({}),
    }),
  ),
  searches: z.record(name, searchPart).default({}),
  releases: releasesPart.default({}),
  labels: z.record(name, labelPart).default({}),
  serve: servePart.optional(),
  /** Checked whole where it is used (`gateway/project-part.ts`): every verb reads the file, and few need the gateway's code. */
  gateway: z.record(z.string(), z.unknown()).optional(),
  device: z
    .strictObject({
      name: z.enum(deviceNames).default("cpu"),
      threads: z.number().int().min(1).optional(),
      affinity: z.string().optional(),
      spinning: z.boolean().optional(),
      /** Most bytes for values between operations. */
      memoryLimitBytes: z.number().int().min(1).optional(),
    })
    .prefault({}),
});
const tunedSchema = z.looseObject({ models: z.record(name, tunedModel) });

export type ProjectConfig = z.output<typeof projectSchema> & {
  /** Models of the file that are made of another one, by name. */
  readonly tuned: Readonly<Record<string, TunedModel>>;
};
export type ModelEntry = ProjectConfig["models"][string];

export interface ProjectFile {
  readonly folder: string;
  readonly file: string;
  readonly config: ProjectConfig;
}

/** Names that the file uses must be names that it defines. */
function checkReferences(c: ProjectConfig, file: string): void {
  const refer = (where: string, what: string, value: string, known: readonly string[]) => {
    if (known.includes(value)) return;
    const near = nearest(value, known);
    throw projectErrors.fail("reference", {
      place: `${file}: ${where}`,
      expected: `${what} (${known.join(", ") || "none is defined"})`,
      received: `"${value}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  };
  const data = Object.keys(c.data);
  if (Object.keys(c.models).length > 0) refer("tokenizer.from", "a data set", c.tokenizer.from, data);
  for (const [model, m] of Object.entries(c.models)) refer(`models.${model}.train.on`, "a data set", m.train.on, data);
  for (const [model, { tune }] of Object.entries(c.tuned)) {
    const dataSet = dataSetOf(tune);
    if (dataSet !== undefined) refer(`models.${model}.tune.on`, "a data set", dataSet, data);
    checkBases(c, model, file);
  }
  for (const [search, { model }] of Object.entries(c.searches)) refer(`searches.${search}.model`, "a model", model, modelsOf(c));
  for (const [alias, rules] of Object.entries(c.releases)) checkConditions(rules, alias, `${file}: releases.${alias}`);
  for (const [set, { on }] of Object.entries(c.labels)) refer(`labels.${set}.on`, "a data set", on, data);
  servedAs(c.serve, file);
  // several may be served that no project has made: `loam models import` brings them in
  if (c.serve?.model !== undefined) refer("serve.model", "a model", c.serve.model.split("@")[0]!, modelsOf(c));
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

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);

/** The file without its tuned models, and those: each kind has its own schema, so an error speaks of the right one. */
function divided(raw: unknown): { readonly trained: unknown; readonly tuned: { readonly models: Record<string, unknown> } } {
  if (!isRecord(raw) || !isRecord(raw.models)) return { trained: raw ?? {}, tuned: { models: {} } };
  const entries = Object.entries(raw.models);
  const part = (tuned: boolean) => Object.fromEntries(entries.filter(([, entry]) => isTuned(entry) === tuned));
  const trained: Record<string, unknown> = { ...raw, models: part(false) };
  // where nothing is trained from nothing, nobody asks for the tokenizer, or for data
  if (entries.length > 0 && entries.every(([, entry]) => isTuned(entry))) {
    trained.data ??= {};
    trained.tokenizer ??= { vocab: 4096, from: Object.keys(trained.data as object)[0] ?? "none" };
  }
  return { trained, tuned: { models: part(true) } };
}

/** Checks what a project file says, its searches left aside; `place` names it in errors. */
export function checkProject(raw: unknown, place: string): ProjectConfig {
  const { trained, tuned } = divided(raw);
  const config = { ...check(projectSchema, trained, place), tuned: check(tunedSchema, tuned, place).models };
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
  const guards = guardsOf(p);
  const { records, blobs } = p.config.store;
  // what computes is loaded when a stage runs
  let known: Promise<RunEnvironment> | undefined;
  const environment = () => (known ??= import("./environment.ts").then(m => m.environmentOf(p.config.device)()));
  const store = await openStore({ root: p.folder, records, blobs, environment });
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
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw projectErrors.fail("argument", {
    place: "model",
    expected: `one of ${known.join(", ")}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near
      ? { hint: `Did you mean "${near}"?` }
      : wanted === undefined
        ? { hint: `Name it, or say in ${projectFile} which is served: serve: { model: ${known[0] ?? "NAME"} }.` }
        : {}),
  });
}
