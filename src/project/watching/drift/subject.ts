/** What a comparison is of, by the name that a person gives it: a data set, a version, an artifact, or a file of new texts. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type ArtifactReader, findSubject, openArtifact, resolveVersion, type Store } from "../../../store/index.ts";
import { loadTokenizer, type Tokenizer } from "../../../text/index.ts";
import type { Sketch } from "../../../watch/index.ts";
import { findDataSet } from "../../data/data-set.ts";
import { projectErrors, wrongArgument } from "../../errors.ts";
import { modelsOf } from "../../project-file.ts";
import { dataSketch, modelSketch, readSketch, tokenizerDigest } from "../../sketches/index.ts";
import type { Workspace } from "../../workspace.ts";

export interface SketchedSubject {
  /** `data`: a data set; `model`: what a version was trained on; `file`: texts that are sketched now; `live`: what a server has seen. */
  readonly kind: "data" | "model" | "file" | "live" | "sketch";
  /** `mail`, `mail-small@3`, a path, an artifact's id. */
  readonly name: string;
  /** The sketch's artifact; null of a file and of live windows. */
  readonly artifact: string | null;
}

export interface OpenedSubject {
  readonly subject: SketchedSubject;
  readonly sketch: Sketch;
}

/** What cut a sketch's tokens, for new texts and for tokens' texts; undefined where no artifact of its lineage has that tokenizer. */
export async function tokenizerBehind(store: Store, sketch: Sketch, artifact: string | null): Promise<Tokenizer | undefined> {
  const { tokenizer } = sketch.spec;
  if (tokenizer === null || artifact === null) return undefined;
  const inputs = await store.records.read.selectFrom("inputs").select("source").where("artifact", "=", artifact).execute();
  for (const { source } of inputs) {
    const input = await openArtifact(store, source);
    if (tokenizerDigest(input) === tokenizer) return loadTokenizer((await input.read("tokenizer.json")).toString("utf8"));
  }
  return undefined;
}

const opened = async (kind: SketchedSubject["kind"], name: string, artifact: ArtifactReader): Promise<OpenedSubject> => ({
  subject: { kind, name, artifact: artifact.id },
  sketch: await readSketch(artifact),
});

const onlyOwnModels = "Only models that this project trains or tunes have one: `loam run` makes it.";

const nothing = (place: string, hint: string) =>
  projectErrors.fail("nothing", { place, expected: "a sketch of it", received: "none was made", hint });

/** What a version was trained on, `mail-small@3` or `mail-small`; undefined where nothing says it. Errors: store/notFound. */
export async function versionSketch(store: Store, version: string): Promise<OpenedSubject | undefined> {
  const at = version.lastIndexOf("@");
  const found = await resolveVersion(
    store.records.read,
    at > 0 ? version.slice(0, at) : version,
    at > 0 ? version.slice(at + 1) : "latest",
  );
  const artifact = await modelSketch(store, found);
  return artifact && opened("model", `${found.model}@${found.number}`, artifact);
}

async function artifactSketch(store: Store, id: string): Promise<OpenedSubject> {
  const artifact = await openArtifact(store, id);
  if (artifact.kind === "sketch") return opened("sketch", artifact.id, artifact);
  const found = artifact.kind === "documents" ? await dataSketch(store, artifact) : await modelSketch(store, artifact);
  if (found) return opened(artifact.kind === "documents" ? "data" : "model", artifact.id, found);
  throw nothing(artifact.id, "`loam run` makes the sketches of models and data sets that loam.yaml names.");
}

/** Is it a path to texts, and nothing of the record? */
export const isTextPath = (at: Workspace, name: string): boolean =>
  !Object.hasOwn(at.file.config.data, name) && (/[./\\]/.test(name) || !name.includes("@")) && existsSync(resolve(at.cwd, name));

/** What the newest version of the project's model was trained on; its data set may bear the same name. Errors: project/nothing, store/notFound. */
export async function openModel(store: Store, model: string): Promise<OpenedSubject> {
  const found = await versionSketch(store, model);
  if (found) return found;
  throw nothing(model, onlyOwnModels);
}

/**
 * `prefer` decides what a name means that a data set and a model share. Errors: project/nothing where no sketch was made; store/notFound; project/argument.
 */
export async function openSubject(at: Workspace, store: Store, name: string, prefer: "data" | "model" = "data"): Promise<OpenedSubject> {
  if (prefer === "model" && modelsOf(at.file.config).includes(name)) return openModel(store, name);
  if (Object.hasOwn(at.file.config.data, name)) {
    const set = await findDataSet(at.file, store, name);
    const artifact = set && (await dataSketch(store, set.artifact));
    if (!artifact) throw nothing(`data/${name}`, `\`loam data run ${name}\` makes it.`);
    return opened("data", name, artifact);
  }
  const subject = await findSubject(store, name);
  if (subject.type === "version") {
    const found = await versionSketch(store, subject.id);
    if (found) return found;
    throw nothing(subject.id, onlyOwnModels);
  }
  if (subject.type === "artifact") return artifactSketch(store, subject.id);
  throw wrongArgument(
    "loam watch drift",
    "a data set, a model version, an artifact or a file of texts",
    name,
    "`loam models` lists versions.",
  );
}
