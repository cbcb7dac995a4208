/** Sketches of the record: of a data set's documents, of a model's artifact, or an artifact that is one. */
import { type ArtifactInfo, type ArtifactReader, artifactsFrom, openArtifact, type Store } from "../../store/index.ts";
import { type Sketch, sketchFromBytes } from "../../watch/index.ts";

export const tokenizerFile = "tokenizer.json";

/** Which tokenizer a model has; null where its files say none of Loam's form. */
export const tokenizerDigest = ({ files }: Pick<ArtifactReader, "files">): string | null =>
  files.find(f => f.name === tokenizerFile)?.digest ?? null;

/** Errors: watch/sketch; those of the record's files. */
export const readSketch = async (artifact: Pick<ArtifactReader, "read">): Promise<Sketch> =>
  sketchFromBytes(await artifact.read("sketch.bin"));

/** The sketch made of this artifact, newest first where there are several. */
async function sketchFrom(store: Store, digest: string, input: "model" | "documents", isOwn: (a: ArtifactInfo) => boolean) {
  const found = (await artifactsFrom(store.records.read, digest, input, ["sketch"])).find(isOwn);
  return found && openArtifact(store, found.id);
}

/** Of what a model was trained on; undefined where none was made (the model is imported, or older than sketches). */
export const modelSketch = (store: Store, model: Pick<ArtifactInfo, "digest">): Promise<ArtifactReader | undefined> =>
  sketchFrom(store, model.digest, "model", () => true);

/** Of a data set's documents. */
export const dataSketch = (store: Store, documents: Pick<ArtifactInfo, "digest">): Promise<ArtifactReader | undefined> =>
  sketchFrom(store, documents.digest, "documents", a => a.stage.name === "sketch-data");
