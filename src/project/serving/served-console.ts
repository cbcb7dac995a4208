/** What the console of a server shows of its project: the record, labels, and what monitors know. */
import { defined } from "../../base/index.ts";
import type { ConsoleSource } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { objectiveRules } from "../watching/live/index.ts";
import { watchSource } from "../watching/watch-source.ts";
import { consoleSource } from "./console-source.ts";

/** Without a project there is nothing to label or to watch. */
export const servedConsole = (project: ProjectFile | undefined, store: Store, labels: ConsoleSource["labels"]): ConsoleSource => ({
  ...consoleSource(project?.config.name ?? null, store, project?.config.prices),
  ...defined({ labels, watch: project && watchSource(store, objectiveRules(project.config.slo), project.config.loop) }),
});
