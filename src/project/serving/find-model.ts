/**
 * Which model a command means: a path to files, a version of the project's record, or one of the record at home. In a project's folder its
 * own models come first; a model that was imported outside of any project is found everywhere.
 */
import { resolve } from "node:path";
import { nearest } from "../../base/index.ts";
import { listModels, type Store } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import { homeIfThere, modelNames, projectOrNone } from "../models/home.ts";
import { isHub } from "../models/hub.ts";
import { isPath } from "../models/paths.ts";
import { modelNameOf, modelsOf, openProjectStore, type ProjectFile } from "../project-file.ts";

type FoundModel =
  /** `name`: what it is called instead of its file's name; `expectedDigest`: of the files that it has to be. */
  | { readonly kind: "files"; readonly path: string; readonly shown: string; readonly name?: string; readonly expectedDigest?: string }
  | { readonly kind: "version"; readonly wanted: string; readonly store: Store };

export interface Found extends AsyncDisposable {
  readonly model: FoundModel;
  readonly project: ProjectFile | undefined;
  /** The record that pages show: the model's own. */
  readonly store: Store | undefined;
}

const found = (model: FoundModel, project: ProjectFile | undefined, store: Store | undefined): Found => ({
  model,
  project,
  store,
  async [Symbol.asyncDispose]() {
    await store?.close();
  },
});

/** The project's model that is meant; undefined where its record and its file have none of that name. */
async function inProject(project: ProjectFile, store: Store, given: string | undefined): Promise<string | undefined> {
  const name = given?.split("@")[0];
  if (name !== undefined && (await modelNames(store)).includes(name)) return given;
  if (given === undefined && project.config.serve?.model !== undefined) return project.config.serve.model;
  if (name === undefined || modelsOf(project.config).includes(name)) return given?.includes("@") ? given : modelNameOf(project, given);
  return undefined;
}

async function atHome(given: string | undefined, project: ProjectFile | undefined): Promise<Found> {
  const home = await homeIfThere();
  const models = home ? await listModels(home) : [];
  const names = models.map(m => m.model);
  const name = given?.split("@")[0] ?? (names.length === 1 ? names[0] : undefined);
  if (home && name !== undefined && names.includes(name))
    return found({ kind: "version", wanted: given ?? name, store: home }, project, home);
  await home?.close();
  const known = [...(project ? modelsOf(project.config) : []), ...names];
  const near = name === undefined ? undefined : nearest(name, known);
  throw projectErrors.fail("argument", {
    place: "model",
    expected: known.length
      ? `one of ${known.join(", ")}, or a path to a GGUF file or a folder`
      : "a path to a GGUF file or a folder, for no model is here yet",
    received: given === undefined ? "none" : `"${given}"`,
    hint: near ? `Did you mean "${near}"?` : "`loam models import FILE --name NAME` brings one in.",
  });
}

/** Names that mean a model here: of the project's file and its record, and of the record at home. */
export async function knownModels(folder: string): Promise<string[]> {
  const project = projectOrNone(folder);
  const names = new Set(project ? modelsOf(project.config) : []);
  for (const open of [async () => project && openProjectStore(project), homeIfThere]) {
    const store = await open();
    try {
      if (store) for (const name of await modelNames(store)) names.add(name);
    } finally {
      await store?.close();
    }
  }
  return [...names];
}

/** Finds it and opens the record that it is in. Errors: project/argument where there is none of that name. */
export async function findModel(folder: string, cwd: string, given: string | undefined): Promise<Found> {
  if (given !== undefined && isHub(given))
    throw projectErrors.fail("argument", {
      place: "model",
      expected: "a model that is here",
      received: `"${given}"`,
      hint: `Fetch it first: loam models import ${given} --name ${/\/([\w.-]+)/.exec(given)?.[1] ?? "NAME"}`,
    });
  if (given !== undefined && isPath(given))
    return found({ kind: "files", path: resolve(cwd, given), shown: given }, projectOrNone(folder), undefined);
  const project = projectOrNone(folder);
  if (project) {
    const store = await openProjectStore(project);
    try {
      const wanted = await inProject(project, store, given);
      if (wanted !== undefined) return found({ kind: "version", wanted, store }, project, store);
    } catch (error) {
      await store.close();
      throw error;
    }
    await store.close();
  }
  return atHome(given, project);
}

/** A model that is given by a path, whose files have to have this digest. Errors: project/argument. */
export function withExpectedDigest(found: Found, expectedDigest: string): Found {
  const { model } = found;
  const isDigest = /^[0-9a-f]{64}$/.test(expectedDigest);
  if (model.kind === "version" || !isDigest)
    throw projectErrors.fail("argument", {
      place: "loam serve: --expect-digest",
      expected: isDigest ? "a model that is given by a path" : "64 hexadecimal digits",
      received: isDigest && model.kind === "version" ? `the version ${model.wanted}` : JSON.stringify(expectedDigest.slice(0, 80)),
    });
  return { ...found, model: { ...model, expectedDigest } };
}

/** A path in a registry's form: words with slashes between them, as Hugging Face names models. */
const servedName = /^[\w.-]+(\/[\w.-]+)*$/;

/** A model that is given by a path under another name. Errors: project/argument. */
export function withServedName(found: Found, name: string): Found {
  const { model } = found;
  if (model.kind === "version" || !servedName.test(name) || name.length > 200)
    throw projectErrors.fail("argument", {
      place: "loam serve: --served-model-name",
      expected:
        model.kind === "version" ? "a model that is given by a path" : "letters, digits, dots, dashes and slashes, at most 200 characters",
      received: model.kind === "version" ? `the version ${model.wanted}` : JSON.stringify(name.slice(0, 200)),
      hint: model.kind === "version" ? "A version is served under its model's name." : "Try meta-llama/Llama-3.2-1B-Instruct.",
    });
  return { ...found, model: { ...model, name } };
}
