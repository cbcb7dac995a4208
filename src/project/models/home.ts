/**
 * Where models live that belong to no project: a record of their own in the user's folder (`~/.loam`, or below LOAM_HOME). In a project's
 * folder the project's record comes first.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isLoamError } from "../../base/index.ts";
import { listModels, openStore, type Store } from "../../store/index.ts";
import { homeFolder } from "../home-folder.ts";
import { findProject, openProjectStore, type ProjectFile } from "../project-file.ts";

/** The project here or above; undefined where there is none. Errors of its file pass. */
export function projectOrNone(from: string): ProjectFile | undefined {
  try {
    return findProject(from);
  } catch (error) {
    if (isLoamError(error, "project/noProject")) return undefined;
    throw error;
  }
}

/** The home's record, made where it is not there yet. */
const openHome = (): Promise<Store> => openStore({ root: homeFolder() });

/** The home's record where there is one: asking makes none. */
export const homeIfThere = async (): Promise<Store | undefined> =>
  existsSync(join(homeFolder(), ".loam", "record.db")) ? openHome() : undefined;

/** The record of a project, or the home's where there is no project. */
export const openRecordOf = (project: ProjectFile | undefined): Promise<Store> => (project ? openProjectStore(project) : openHome());

/** Opens it for as long as `use` takes. */
export async function withRecordOf<T>(project: ProjectFile | undefined, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openRecordOf(project);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Names of the models of a record. */
export const modelNames = async (store: Store): Promise<string[]> => (await listModels(store)).map(m => m.model);
