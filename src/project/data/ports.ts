/**
 * What curation steps may ask for, from a project: files below its folder, scorers from the versions of its store, embedders from folders of
 * weights; and the digest of each for the recipe. Models are opened at first use, once, and live until the ports are closed.
 */

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isLoamError, sha256 } from "../../base/index.ts";
import { dataErrors, type Embedder, type Need, needKey, type Resources, type Scorer } from "../../data/index.ts";
import { resolveVersion, type Store } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { FileHashes, modelFolderIdentity, pathBelow } from "./need-identity.ts";
import { isReferenceModel, referenceIdentity, referenceScorer } from "./reference-scorer.ts";

interface Ports extends Disposable {
  readonly resources: Resources;
  /** A digest of what a need stands for now: part of the recipe of what is made with it. Errors: data/resource, store/notFound. */
  identityOf(need: Need): Promise<string>;
}

interface PortsOptions {
  /** Opens the project's own device when absent. */
  readonly device?: () => Device;
  readonly signal?: AbortSignal;
}

const splitVersion = (model: string): [name: string, which: string] => {
  const [name = "", which = "latest"] = model.split("@");
  return [name, which];
};

/** The ports of a project whose store is open. */
export function projectPorts(project: ProjectFile, store: Store, options: PortsOptions = {}): Ports {
  const hashes = new FileHashes(resolve(project.folder, ".loam", "needs.json"));
  const identities = new Map<string, string>();
  const opened = new Map<string, Promise<unknown>>();
  const closers: (() => void)[] = [];
  // plans and reports ask for no model: what computes is loaded at the first
  const models = () => import("./open-models.ts");
  let device: Promise<Device> | undefined;
  const openedDevice = () => {
    device ??= (async () => options.device?.() ?? (await models()).projectDevice(project))();
    return device;
  };
  /** Opens a thing once; one that could not be opened is tried again. */
  const once = <T>(key: string, open: () => Promise<T>): Promise<T> => {
    const known = opened.get(key) as Promise<T> | undefined;
    if (known) return known;
    const opening = open();
    opened.set(key, opening);
    opening.catch(() => opened.delete(key));
    return opening;
  };

  async function openScorer(model: string): Promise<Scorer> {
    if (isReferenceModel(model)) return referenceScorer(store, model, options.signal);
    const { opened, close } = await (await models()).versionScorer(store, await openedDevice(), model, options.signal);
    closers.push(close);
    return opened;
  }

  async function openEmbedder(model: string): Promise<Embedder> {
    const { opened, close } = await (await models()).projectEmbedder(project, await openedDevice(), model);
    closers.push(close);
    return opened;
  }

  async function identify(need: Need): Promise<string> {
    if (need.kind === "file") return hashes.of(pathBelow(project.folder, need.path));
    if (need.kind === "embedder") return modelFolderIdentity(resolve(project.folder, need.model), hashes);
    if (isReferenceModel(need.model)) return referenceIdentity(store, need.model);
    return (await resolveVersion(store.records.read, ...splitVersion(need.model))).digest;
  }

  return {
    async identityOf(need) {
      try {
        const identity = await identify(need);
        identities.set(needKey(need), identity);
        return identity;
      } catch (error) {
        throw need.kind === "file" && isLoamError(error) && error.code === "base/missingFile" ? missing(need.path, error) : error;
      }
    },
    resources: {
      async file(path) {
        let content: Buffer;
        try {
          content = await readFile(pathBelow(project.folder, path));
        } catch (error) {
          throw isLoamError(error) ? error : missing(path, error);
        }
        const known = identities.get(needKey({ kind: "file", path }));
        if (known !== undefined && known !== sha256(content))
          throw dataErrors.fail("resource", {
            place: path,
            expected: `the content with digest ${known.slice(0, 12)}`,
            received: sha256(content).slice(0, 12),
            hint: "The file changed while the run began; run the same command again.",
          });
        return content;
      },
      scorer: model => once(`scorer ${model}`, () => openScorer(model)),
      embedder: model => once(`embedder ${model}`, () => openEmbedder(model)),
    },
    [Symbol.dispose]() {
      for (const close of closers.reverse()) close();
      closers.length = 0;
      opened.clear();
    },
  };
}

const missing = (path: string, cause: unknown) =>
  dataErrors.fail(
    "resource",
    {
      place: path,
      expected: "a file of the project",
      received: "none that can be read",
      hint: "Paths are taken from the folder of loam.yaml.",
    },
    cause,
  );
