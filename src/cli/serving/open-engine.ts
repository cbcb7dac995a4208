/** A version of a project as a running engine, with the weights it stands on; what `loam serve` and `loam chat` share. */
import { disposeTree } from "../../nn/index.ts";
import { createEngine, type Engine } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { modelNameOf, type Project } from "../project.ts";
import { openVersion } from "./open-version.ts";

export interface OpenEngine extends AsyncDisposable {
  readonly engine: Engine;
}

/** The version meant: the one named, else the one that loam.yaml serves, else the newest of the only model. */
function wantedVersion(project: Project, given: string | undefined): string {
  if (given?.includes("@")) return given;
  if (given === undefined && project.config.serve) return project.config.serve.model;
  return modelNameOf(project, given);
}

/** Loads the weights and starts the engine; `engine.ready` tells when it answers. Closing it leaves the store open. */
export async function openEngine(project: Project, store: Store, given: string | undefined, slots?: number): Promise<OpenEngine> {
  const { name, ...options } = project.config.device;
  const device = openDevice(name, Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)));
  const model = await openVersion(store, device, wantedVersion(project, given));
  const engine = createEngine({ model, device, ...(slots === undefined ? {} : { slots }) });
  return {
    engine,
    async [Symbol.asyncDispose]() {
      await engine.close();
      disposeTree(model.parameters);
    },
  };
}
