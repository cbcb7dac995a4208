/** What the console changes in a project, by the library that the commands use. */
import type { ConsoleSource } from "../../serve/index.ts";
import { resolveVersion, type Store } from "../../store/index.ts";
import type { NamedModelVersion } from "../models/named-version.ts";
import { thisUser } from "../person.ts";
import type { ProjectFile } from "../project-file.ts";

type ActionSource = NonNullable<ConsoleSource["actions"]>;

// the code of an action is loaded when it is asked for
const moves = () => import("../releases/promote-version.ts");

/** Nobody follows what is read. */
const quiet = () => ({ signal: new AbortController().signal, emit: () => {} });

export function actionSource(project: ProjectFile, store: Store): ActionSource {
  const named = async (id: string): Promise<NamedModelVersion> => {
    const [model = "", which = "latest"] = id.split("@");
    // the server's store stays open
    return {
      store,
      project,
      model,
      version: await resolveVersion(store.records.read, model, which),
      [Symbol.asyncDispose]: async () => {},
    };
  };
  return {
    user: thisUser(),
    unavailable: () => (store.isReadOnly ? "The artifact store is read-only." : null),
    promote: async (version, { alias, ...options }, by) => {
      const { looks: _, ...promoted } = await (await moves()).promoteVersion(await named(version), alias, { ...options, by }, quiet());
      return promoted;
    },
    rollback: async (model, { alias, reason }, by) =>
      (await moves()).rollbackVersion({ store, project, model }, alias, { by, reason }, quiet()),
    approve: async (version, { alias, ...given }, by, isVerified) =>
      (await moves()).approveNamed(await named(version), project.folder, { for: alias, by, isVerified, ...given }),
  };
}
