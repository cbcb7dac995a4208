/**
 * Scorers that need no trained model: `5-gram:DATASET` is a Kneser-Ney model over the UTF-8 bytes of a data set's train side, learnt when it is
 * asked for (CCNet's idea: perplexity under an n-gram model of texts one trusts; Wenzek et al. 2020). The data set must have been run.
 */
import { hashOf } from "../../base/index.ts";
import { dataErrors, documentsOf, type Scorer } from "../../data/index.ts";
import { trainNgram } from "../../evaluate/index.ts";
import { type ArtifactInfo, openArtifact, type Store } from "../../store/index.ts";
import { newestDocuments } from "./newest-documents.ts";

const pattern = /^([2-9])-gram:([a-z0-9][a-z0-9-]*)$/i;
export const isReferenceModel = (model: string): boolean => pattern.test(model);

/** Raise it when the same texts would give another model. */
const version = 1;

async function referenceOf(store: Store, model: string): Promise<{ order: number; artifact: ArtifactInfo }> {
  const [, order, name] = pattern.exec(model)!;
  const artifact = await newestDocuments(store, name!);
  if (artifact) return { order: Number(order), artifact };
  throw dataErrors.fail("resource", {
    place: model,
    expected: `curated documents of the data set "${name}"`,
    received: "none yet",
    hint: `\`loam data run ${name}\` makes them.`,
  });
}

/** What the model will be made of. Errors: data/resource. */
export async function referenceIdentity(store: Store, model: string): Promise<string> {
  const { order, artifact } = await referenceOf(store, model);
  return hashOf({ order, version, documents: artifact.digest });
}

/** Learns the model: about 1 MB a second, 45 bytes of memory a distinct n-gram. Errors: data/resource, the signal's reason. */
export async function referenceScorer(store: Store, model: string, signal?: AbortSignal): Promise<Scorer> {
  const { order, artifact } = await referenceOf(store, model);
  const documents: Uint8Array[] = [];
  for await (const d of documentsOf(await openArtifact(store, artifact.id), "train")) documents.push(Buffer.from(d.text));
  const learnt = trainNgram(order, 256, documents);
  return {
    async score(texts) {
      signal?.throwIfAborted();
      return texts.map(t => {
        const bytes = Buffer.from(t);
        return { bits: learnt.bits(bytes), bytes: bytes.length };
      });
    },
  };
}
