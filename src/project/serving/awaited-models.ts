/**
 * A server of a project whose models are not all trained yet: it starts with its console, its administration and the models that have a version, and serves
 * the others that loam.yaml asks for as soon as their first version is registered. Models that were named, and models that have a version, are never
 * awaited: what is wrong with them is an error.
 */
import type { Store } from "../../store/index.ts";
import { modelNames, projectOrNone } from "../models/home.ts";
import { modelsOf, openProjectStore, type ProjectFile } from "../project-file.ts";
import type { ServeOptions } from "./serve-options.ts";
import { servedNames } from "./served-as.ts";
import type { ServerOpening } from "./server-opening.ts";

export interface AwaitedModels {
  readonly project: ProjectFile;
  readonly store: Store;
  /** Of all models that could be served here, without versions: a gateway has routes for them from the beginning. */
  readonly names: readonly string[];
  /** As loam.yaml names them: those that have a version. */
  readonly there: readonly string[];
  /** As loam.yaml names them: those without a version; each leaves when it is served. */
  readonly wanted: Set<string>;
  /** Why nothing is served, and what to run. */
  readonly reason: string;
}

const nameOf = (wanted: string): string => wanted.split("@")[0]!;

/** Options that mean a first model: without one they are errors. */
const needsModel = (o: ServeOptions): boolean =>
  [o.models ?? []].flat().length > 0 ||
  [o.servedModelName, o.expectDigest, o.pull, o.draft].some(value => value !== undefined) ||
  Object.keys(o.adapters ?? {}).length > 0 ||
  o.anyName === true ||
  o.withoutPort === true;

/** What to run where a project has these models and none is trained. */
function reasonOf(models: readonly string[], wanted: readonly string[]): string {
  const [foreign] = wanted.map(nameOf).filter(name => !models.includes(name));
  if (foreign !== undefined)
    return `${foreign}: no version is registered yet. Run \`loam models import PATH --name ${foreign}\`; it is served as soon as it is registered.`;
  if (wanted.length > 0)
    return `${wanted.map(nameOf).join(", ")}: no version is registered yet. Run \`loam run\`; the first version is served as soon as it is registered.`;
  if (models.length > 0)
    return `No version of ${models.join(", ")} is registered yet. Run \`loam run --model ${models[0]}\`, then \`loam serve ${models[0]}\`.`;
  return "The project defines no models. Add one under `models:` of loam.yaml, or run `loam models import FILE --name NAME`, then `loam serve NAME`.";
}

/** Undefined where a model was named, and where none is awaited. The store is opened for the server's lifetime. */
export async function awaitedModels({ place: { folder }, options, closers }: ServerOpening): Promise<AwaitedModels | undefined> {
  const project = projectOrNone(folder);
  if (!project || needsModel(options)) return undefined;
  const models = modelsOf(project.config);
  const served = servedNames(project.config.serve);
  const possible = served.length > 0 ? served : models;
  const store = await openProjectStore(project);
  const found = new Set(await modelNames(store));
  const there = possible.filter(name => found.has(nameOf(name)));
  const missing = possible.filter(name => !there.includes(name));
  // of several served models those of loam.yaml are awaited; a name that it does not have may be misspelt
  const isPartly = served.length > 0 && missing.length > 0 && missing.every(name => models.includes(nameOf(name)));
  if (options.withoutModels !== true && (possible.length === 0 ? found.size > 0 : there.length > 0 && !isPartly)) {
    await store.close();
    return undefined;
  }
  closers.add(() => store.close());
  const names = [...new Set(possible.map(nameOf))];
  if (options.withoutModels === true)
    return {
      project,
      store,
      names,
      there: [],
      wanted: new Set(),
      reason: "The server was started with --no-models. Run `loam serve` to serve models.",
    };
  // of several models none is meant more than another
  const wanted = served.length > 0 || models.length === 1 ? missing : [];
  return { project, store, names, there, wanted: new Set(wanted), reason: reasonOf(models, wanted) };
}

/** Those whose first version is registered by now. */
export async function arrivedModels({ store, wanted }: AwaitedModels): Promise<readonly string[]> {
  if (wanted.size === 0) return [];
  const registered = await modelNames(store);
  return [...wanted].filter(name => registered.includes(nameOf(name)));
}
