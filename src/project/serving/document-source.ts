/** Documents of a project's data sets for the console. */
import { isLoamError } from "../../base/index.ts";
import type { ConsoleSource } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { DocumentLooks } from "../data/look-through.ts";
import { type ProjectFile, readProject } from "../project-file.ts";

/** Undefined where there is no such artifact, or it is none of documents. */
async function unlessUnknown<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isLoamError(error, "store/notFound") || isLoamError(error, "project/argument")) return undefined;
    throw error;
  }
}

export function documentSource(project: ProjectFile | undefined, store: Store): NonNullable<ConsoleSource["documents"]> {
  /** As it is now: what `forget:` names since the server was started is not shown either. */
  const now = (): ProjectFile | undefined => {
    try {
      return project && readProject(project.folder);
    } catch {
      // a file that is being edited
      return project;
    }
  };
  const looks = new DocumentLooks(store, now);
  return {
    page: (artifact, wanted) => unlessUnknown(() => looks.documents(artifact, wanted)),
    document: (artifact, id, against) => unlessUnknown(() => looks.document(artifact, id, against)),
    clusters: (artifact, paging) => unlessUnknown(() => looks.clusters(artifact, paging)),
  };
}
