/** What the console's page Start reads and does, over a project's library. The file is read for each request: people write it meanwhile. */
import type { ConsoleSource } from "../../serve/index.ts";
import { listModels, recordAct, type Store } from "../../store/index.ts";
import { wrongArgument } from "../errors.ts";
import { modelsOf, type ProjectFile, readProject } from "../project-file.ts";
import { editPart, partForm, projectParts } from "./project-parts.ts";
import { ProjectRunner, type StartedRun } from "./project-runner.ts";

type StartSource = NonNullable<ConsoleSource["starts"]>;

export interface ProjectStarts extends StartSource {
  /** Stops the run under way. */
  close(): Promise<void>;
}

export function startSource({ folder }: ProjectFile, store: Store): ProjectStarts {
  const runner = new ProjectRunner({
    folder,
    now: () => store.clock.now(),
    note: async (what, on, who) => void (await recordAct(store, { kind: "run", who, what, on })),
  });
  const shown = (run: StartedRun) => ({ ...run, output: runner.output });
  const parts = () => projectParts(readProject(folder));
  return {
    parts: async () => {
      const project = readProject(folder);
      return { parts: projectParts(project), labels: Object.keys(project.config.labels) };
    },
    form: async (path, labels) => {
      const project = readProject(folder);
      const registered = (await listModels(store)).map(m => m.model);
      const name = path.split(".").at(-1);
      const bases = [...new Set([...modelsOf(project.config), ...registered])].filter(model => model !== name);
      return partForm(project, path, { labels, bases });
    },
    edit: async (path, { changes, labels, digest, write }) => editPart(readProject(folder), path, { changes, labels }, { digest, write }),
    state: async () => (runner.run ? shown(runner.run) : null),
    start: async (path, force, by) => {
      const part = path === "" ? undefined : parts().find(p => p.path === path);
      if (path !== "" && !part)
        throw wrongArgument(
          "path",
          `a part of loam.yaml (${parts()
            .map(p => p.path)
            .join(", ")}), or nothing for the whole project`,
          JSON.stringify(path),
        );
      return shown(await runner.start(path, [...(part?.command ?? ["run"]), ...(force ? ["--force"] : [])], by));
    },
    stop: async by => shown(await runner.stop(by)),
    close: () => runner.close(),
  };
}
