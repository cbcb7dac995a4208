/**
 * The models of one `loam serve` as versions that can be loaded and unloaded while it runs: those that were named, and any other of the
 * records that those are in. A model from outside a record has the one version 1.
 */
import { isLoamError } from "../../base/index.ts";
import { tampered } from "../../registry/index.ts";
import type { OpenVersion, VersionSource } from "../../serve/index.ts";
import { listModels, resolveVersion } from "../../store/index.ts";
import { isHub } from "../models/hub.ts";
import { isPath, localModel } from "../models/paths.ts";
import { checkTrusted, filesOf } from "../releases/check-trusted.ts";
import type { ServedContext } from "./default-context.ts";
import { type Found, findModel } from "./find-model.ts";
import type { EngineChoice } from "./open-engine.ts";
import { openServed } from "./open-served.ts";

export interface NamedVersion {
  readonly name: string;
  readonly version: number;
  /** The alias that it was named by. */
  readonly alias?: string;
}

export interface ModelVersions extends VersionSource, AsyncDisposable {
  /** Finds what the command line names. Errors: those of `findModel`, store/notFound. */
  add(found: Found): Promise<NamedVersion>;
  /** Tokens of a request as it is served. */
  contextOf(version: Pick<NamedVersion, "name" | "version">): ServedContext | undefined;
}

/** `folder` and `cwd` are where other models are looked for. */
export function modelVersions(folder: string, cwd: string, choice: EngineChoice): ModelVersions {
  const known = new Map<string, Found>();
  const opened: Found[] = [];
  const contexts = new Map<string, ServedContext>();

  let last: Promise<unknown> = Promise.resolve();
  /** Two loads at once would need the memory of both their beginnings and be no faster. */
  function oneByOne<T>(load: () => Promise<T>): Promise<T> {
    const run = last.then(load);
    last = run.catch(() => {});
    return run;
  }

  /** Never a path: whoever asks over HTTP names models of the records and no files. */
  async function foundOf(name: string): Promise<Found | undefined> {
    const found = known.get(name);
    if (found || isPath(name) || isHub(name)) return found;
    try {
      const other = await findModel(folder, cwd, name);
      opened.push(other);
      known.set(name, other);
      return other;
    } catch (error) {
      if (isLoamError(error, "project/argument")) return undefined;
      throw error;
    }
  }
  return {
    async add(found) {
      if (found.model.kind === "files") {
        const { name = localModel(found.model.path).name } = found.model;
        known.set(name, found);
        return { name, version: 1 };
      }
      const [name = "", which = "latest"] = found.model.wanted.split("@");
      known.set(name, found);
      const { number } = await resolveVersion(found.model.store.records.read, name, which);
      return which === "latest" || /^\d+$/.test(which) ? { name, version: number } : { name, version: number, alias: which };
    },
    contextOf: ({ name, version }) => contexts.get(`${name}@${version}`),
    async versions(name) {
      const model = (await foundOf(name))?.model;
      if (!model) return [];
      if (model.kind === "files") return [1];
      return (await listModels(model.store)).filter(m => m.model === name).flatMap(m => m.versions.map(v => v.number));
    },
    async aliases(name) {
      const model = (await foundOf(name))?.model;
      if (model?.kind !== "version") return {};
      const own = (await listModels(model.store)).find(m => m.model === name)?.versions ?? [];
      return Object.fromEntries(own.flatMap(v => v.aliases.filter(a => a !== "latest").map(a => [a, v.number])));
    },
    open: (name, version) => oneByOne(() => open(name, version)),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(async f => f[Symbol.asyncDispose]()));
    },
  };

  async function open(name: string, version: number): Promise<OpenVersion> {
    const found = (await foundOf(name))!;
    const { model } = found;
    await checkTrusted(found, name, version);
    // a model that comes back after it slept reads as much as before, whatever memory is free now
    const context = contexts.get(`${name}@${version}`)?.context;
    const own = choice.context === undefined && context !== undefined ? { ...choice, context } : choice;
    const open = () => openServed(model.kind === "files" ? found : { ...found, model: { ...model, wanted: `${name}@${version}` } }, own);
    const served =
      model.kind === "files" ? await open() : await tampered(`${name}@${version}`, await filesOf(model.store, name, version), open);
    if (context === undefined) contexts.set(`${name}@${version}`, served.context);
    const labels = (served.engine.model.aliases ?? []).filter(a => a.startsWith(`${name}@`)).map(a => a.slice(name.length + 1));
    return { engine: served.engine, labels, close: async () => served[Symbol.asyncDispose]() };
  }
}
