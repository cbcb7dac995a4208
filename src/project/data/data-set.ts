/**
 * A data set of the project and the newest documents made for it: the artifact that loam.yaml stands for now, else the one that it stood for last, with a word
 * that the file has changed since.
 */
import { nearest } from "../../base/index.ts";
import { type ArtifactReader, openArtifact, type Store } from "../../store/index.ts";
import { dataLinksOf } from "../data-links.ts";
import { projectErrors } from "../errors.ts";
import { planLink } from "../link.ts";
import { modelsOf, type ProjectFile, servedModelOf } from "../project-file.ts";
import { newestDocuments } from "./newest-documents.ts";

/** The data set that a command means: the one named, else the only one, else the one that the served or first model trains on. */
export function dataNameOf(p: ProjectFile, given: string | undefined): string {
  const known = Object.keys(p.config.data);
  const model = servedModelOf(p) ?? modelsOf(p.config)[0];
  const usual =
    known.length === 1 ? known[0] : model === undefined ? undefined : (p.config.models[model]?.train.on ?? p.config.tuned[model]?.tune.on);
  const wanted = given ?? usual;
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw projectErrors.fail("argument", {
    place: "data set",
    expected: `one of ${known.join(", ")}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : { hint: "loam.yaml names them under data:." }),
  });
}

export interface DataSet {
  readonly name: string;
  readonly artifact: ArtifactReader;
  /** The project file or the source is no longer what the artifact was made from. */
  readonly isStale: boolean;
}

/** What the project file stands for now, if that is made. */
async function currentOf(p: ProjectFile, store: Store, name: string): Promise<ArtifactReader | undefined> {
  const made = new Map<string, ArtifactReader>();
  for (const link of dataLinksOf(p, name)) {
    // A source that is gone says nothing of what was made of it.
    const plan = await planLink(store, link, made).catch(() => undefined);
    if (plan?.action !== "reuse" || !plan.artifact) return undefined;
    made.set(link.label, plan.artifact);
  }
  return made.get(`data/${name}`);
}

/** Undefined where nothing of that name was made yet. */
export async function findDataSet(p: ProjectFile, store: Store, name: string): Promise<DataSet | undefined> {
  const current = await currentOf(p, store, name);
  if (current) return { name, artifact: current, isStale: false };
  const newest = await newestDocuments(store, name);
  return newest && { name, artifact: await openArtifact(store, newest.id), isStale: true };
}

/** Errors: project/nothing. */
export async function openDataSet(p: ProjectFile, store: Store, given: string | undefined): Promise<DataSet> {
  const name = dataNameOf(p, given);
  const found = await findDataSet(p, store, name);
  if (found) return found;
  throw projectErrors.fail("nothing", {
    place: `data/${name}`,
    expected: "curated documents",
    received: "none yet",
    hint: `\`loam data run ${name}\` makes them.`,
  });
}

/** What a call says of the data set that it is about. */
export interface DataSetState {
  readonly name: string;
  /** Identifier of the documents. */
  readonly artifact: string;
  /** loam.yaml, the source or Loam has changed since these documents were made. */
  readonly isStale: boolean;
}

export const stateOf = ({ name, artifact, isStale }: DataSet): DataSetState => ({ name, artifact: artifact.id, isStale });

export const staleLine = ({ name, artifact }: Pick<DataSetState, "name" | "artifact">): string =>
  `loam: ${artifact} is shown; loam.yaml, the source or Loam has changed since. \`loam data run ${name}\` rebuilds it.`;
