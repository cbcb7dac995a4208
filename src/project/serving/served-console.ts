/** What the console of a server shows of its project: the record, labels, and what monitors know. All of it is loaded when a page asks. */
import { defined, loadedLater } from "../../base/index.ts";
import type { ConsoleSource } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { actionSource } from "./action-source.ts";
import type { consoleSource } from "./console-source.ts";

type Opened = ReturnType<typeof consoleSource>;

const recordCalls = {
  machine: true,
  models: true,
  runs: true,
  metrics: true,
  examples: true,
  cost: true,
  profile: true,
  evaluations: true,
  graph: true,
  dataSets: true,
  dataReport: true,
  revisions: true,
} as const;

/** Without a project there is nothing to label, to watch or to start. */
export function servedConsole(
  project: ProjectFile | undefined,
  store: Store,
  { labels, starts }: Pick<ConsoleSource, "labels" | "starts">,
): ConsoleSource {
  const name = project?.config.name ?? null;
  let opened: Promise<Opened> | undefined;
  const open = (): Promise<Opened> => {
    opened ??= import("./console-source.ts").then(m => m.consoleSource(name, store, project?.config.prices));
    return opened;
  };
  const watch =
    project &&
    loadedLater<NonNullable<ConsoleSource["watch"]>>(
      { status: true, history: true, drift: true, quality: true, samples: true, loops: true, revision: true },
      async () => {
        const [{ watchSource }, { objectiveRules }] = await Promise.all([
          import("../watching/watch-source.ts"),
          import("../watching/live/index.ts"),
        ]);
        const { slo, loop, watch: settings } = project.config;
        return watchSource(store, objectiveRules(slo), { loops: loop, keepsSamples: settings !== false && settings.samples !== false });
      },
    );
  const actions = project && actionSource(project, store);
  const governance =
    project &&
    loadedLater<NonNullable<ConsoleSource["governance"]>>({ acts: true, proof: true, report: true }, async () =>
      (await import("./governance-source.ts")).governanceSource(project, store),
    );
  const deployments =
    project &&
    loadedLater<NonNullable<ConsoleSource["deployments"]>>({ list: true, rollback: true }, async () =>
      (await import("./deployment-source.ts")).deploymentSource(project),
    );
  const documents = loadedLater<NonNullable<ConsoleSource["documents"]>>({ page: true, document: true, clusters: true }, async () =>
    (await import("./document-source.ts")).documentSource(project, store),
  );
  return {
    project: name,
    ...loadedLater<Omit<Opened, "project" | "releases" | "runTable">>(recordCalls, open),
    documents,
    releases: loadedLater<Opened["releases"]>(
      { releases: true, verdicts: true, report: true, evaluations: true, diff: true, logged: true },
      async () => (await open()).releases,
    ),
    runTable: loadedLater<Opened["runTable"]>({ table: true, annotate: true }, async () => (await open()).runTable),
    ...defined({ labels, watch, governance, deployments, actions, starts }),
  };
}
