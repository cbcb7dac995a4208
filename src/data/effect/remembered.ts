/**
 * Scores of small models, kept in a folder: asked again about the same texts with the same start and the same training, a model need not be
 * trained. So the side that several questions share costs time once. Deleting the folder costs time only.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashOf, type Json, sha256 } from "../../base/index.ts";
import type { Scorer } from "../resources.ts";
import type { ProxyTrainer } from "./effect.ts";

type Score = Awaited<ReturnType<Scorer["score"]>>[number];

export interface RememberedTrainer extends ProxyTrainer {
  /** Whether something is known of the model that would be trained. */
  isKnown(texts: readonly string[], seed: number): boolean;
}

/** `identity`: whatever else a model follows from (its shape, the tokenizer, the training, the device). */
export function rememberedTrainer(trainer: ProxyTrainer, identity: Json, folder: string): RememberedTrainer {
  const digests = new WeakMap<readonly string[], string>();
  const digestOf = (texts: readonly string[]): string => {
    let digest = digests.get(texts);
    if (digest === undefined) {
      digest = sha256(texts.map(t => sha256(t)).join("\n"));
      digests.set(texts, digest);
    }
    return digest;
  };
  const fileOf = (texts: readonly string[], seed: number): string =>
    join(folder, `${hashOf({ format: 1, identity, seed, texts: digestOf(texts) }).slice(0, 40)}.json`);

  /** Nothing where the file is not there, or is not what was written. */
  function read(file: string): Map<string, Score> {
    try {
      const rows = JSON.parse(readFileSync(file, "utf8")) as [string, number, number][];
      if (rows.every(([key, ...numbers]) => typeof key === "string" && numbers.length === 2 && numbers.every(Number.isFinite)))
        return new Map(rows.map(([key, bits, bytes]) => [key, { bits, bytes }]));
    } catch {}
    return new Map();
  }
  function write(file: string, known: ReadonlyMap<string, Score>): void {
    try {
      mkdirSync(folder, { recursive: true });
      const part = `${file}.${process.pid}`;
      writeFileSync(part, JSON.stringify(Array.from(known, ([key, { bits, bytes }]) => [key, bits, bytes])));
      renameSync(part, file);
    } catch {
      // It would have saved time; a full or read-only disk is no reason to fail what is done.
    }
  }

  return {
    isKnown: (texts, seed) => existsSync(fileOf(texts, seed)),
    async train(texts, seed, onProgress) {
      const file = fileOf(texts, seed);
      const known = read(file);
      let model: (Scorer & Disposable) | undefined;
      if (known.size === 0) model = await trainer.train(texts, seed, onProgress);
      return {
        async score(asked) {
          const keys = asked.map(t => sha256(t));
          const missing = keys.flatMap((key, i) => (known.has(key) ? [] : [i]));
          if (missing.length > 0) {
            model ??= await trainer.train(texts, seed, onProgress);
            const scores = await model.score(missing.map(i => asked[i]!));
            missing.forEach((i, k) => {
              known.set(keys[i]!, scores[k]!);
            });
            write(file, known);
          }
          return keys.map(key => known.get(key)!);
        },
        [Symbol.dispose]: () => model?.[Symbol.dispose](),
      };
    },
  };
}
