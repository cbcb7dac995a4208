/** Versions with their scores: of the project's record, and of the record at home. */
import { type Looks, listModels, looksOfContent, type ModelInfo, type ModelVersion, type Store } from "../../store/index.ts";
import { openProjectStore } from "../project-file.ts";
import type { Workplace } from "../workspace.ts";
import { homeIfThere, projectOrNone } from "./home.ts";

/** With how often the test sets were looked at that each version was scored on. */
export interface ListedModel extends Omit<ModelInfo, "versions"> {
  readonly versions: readonly (ModelVersion & { readonly looks: readonly Looks[] })[];
}

export interface ListedModels {
  /** Of the project; none outside of one. */
  readonly models: readonly ListedModel[];
  /** Of the record at home. */
  readonly home: readonly ListedModel[];
  readonly isProject: boolean;
}

async function listOf(store: Store | undefined): Promise<ListedModel[]> {
  try {
    if (!store) return [];
    const withLooks = async (v: ModelVersion) => ({ ...v, looks: await looksOfContent(store.records.read, v.digest) });
    return await Promise.all(
      (await listModels(store)).map(async m => ({ model: m.model, versions: await Promise.all(m.versions.map(withLooks)) })),
    );
  } finally {
    await store?.close();
  }
}

export async function listedModels({ folder }: Workplace): Promise<ListedModels> {
  const project = projectOrNone(folder);
  const models = await listOf(project && (await openProjectStore(project)));
  return { models, home: await listOf(await homeIfThere()), isProject: project !== undefined };
}
