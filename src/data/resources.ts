/**
 * What steps may need beside documents: files of the project, and models that other rooms run. `data` knows no tensors, so models are ports
 * that the command line fills. A step names its needs; their identities are part of the recipe, so that other weights make other data.
 */
import { dataErrors } from "./errors.ts";

/** Says how well a language model foresees texts. */
export interface Scorer {
  /** Of each text: bits of all that was predicted, and the UTF-8 bytes those bits stand for. */
  score(texts: readonly string[]): Promise<readonly { readonly bits: number; readonly bytes: number }[]>;
}

/** Puts texts where like ones are near. */
export interface Embedder {
  readonly width: number;
  /** A vector of length 1 for each text. */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
}

export type Need =
  /** A path below the project's folder. */
  | { readonly kind: "file"; readonly path: string }
  /** A model by the name the command line knows it by: a version, or a folder of weights. */
  | { readonly kind: "scorer" | "embedder"; readonly model: string };

export interface Resources {
  /** The whole content. Errors: `data/resource` where it is not there or no longer what the recipe says. */
  file(path: string): Promise<Buffer>;
  scorer(model: string): Promise<Scorer>;
  embedder(model: string): Promise<Embedder>;
}

/** One line a need: `file lists/urls.txt`. */
export const needKey = (need: Need): string => (need.kind === "file" ? `file ${need.path}` : `${need.kind} ${need.model}`);

const none = (what: string) => async (name: string) => {
  throw dataErrors.fail("resource", { place: name, expected: `a ${what}`, received: "nothing that could bring one" });
};

/** Where nothing is to be had. */
export const noResources: Resources = { file: none("file"), scorer: none("scorer"), embedder: none("embedder") };
