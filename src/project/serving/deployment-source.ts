/** What the console's page Deployments shows, by the functions of `loam deploy status`, `diff` and `rollback`. */
import type { ConsoleSource } from "../../serve/index.ts";
import type { ProjectFile } from "../project-file.ts";

/** A page waits for its answer; nobody follows it. */
const quiet = () => ({ signal: new AbortController().signal, emit: () => {} });

/** A server starts without it. */
const deploying = () => import("../deploying/index.ts");

export function deploymentSource({ folder }: Pick<ProjectFile, "folder">): NonNullable<ConsoleSource["deployments"]> {
  const at = { folder, cwd: folder };
  return {
    list: async () => (await deploying()).deploymentViews(at, undefined, quiet()),
    rollback: async (name, { generation, unapproved }, by, isVerified) =>
      (await deploying()).rollbackDeployment(at, name, { to: generation, unapproved, actor: { by, isVerified } }, quiet()),
  };
}
