/** The pool that people label: the train side of a data set in an order drawn by ids, so that its beginning is a sample of it, with who is a near-duplicate of whom. */
import { sha256 } from "../../base/index.ts";
import { type DocumentAttributes, documentsOf, nearDuplicateGroups, nearDuplicateOptions, sketchAll } from "../../data/index.ts";
import type { ArtifactReader, Store } from "../../store/index.ts";
import { findDataSet } from "../data/data-set.ts";
import type { ProjectFile } from "../project-file.ts";
import type { PoolText } from "./pool-order.ts";

/** Texts of a set that are labelled at most. */
const mostTexts = 5_000;
/** Pools kept in memory. */
const keptPools = 2;

export interface PooledText extends PoolText {
  readonly text: string;
  readonly attributes: DocumentAttributes;
}

export interface LabelPool {
  /** The documents' artifact; empty where there is none yet. */
  readonly id: string;
  readonly texts: ReadonlyMap<string, PooledText>;
}

async function readPool(artifact: ArtifactReader): Promise<LabelPool> {
  const read: Pick<PooledText, "id" | "text" | "attributes">[] = [];
  for await (const { id, text, attributes } of documentsOf(artifact, "train")) {
    read.push({ id, text, attributes });
    if (read.length >= mostTexts) break;
  }
  const drawn = read
    .map(d => ({ ...d, place: sha256(d.id) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ place: _, ...d }) => d);
  const options = nearDuplicateOptions.parse({});
  const texts = drawn.map(d => d.text);
  const alike = nearDuplicateGroups(sketchAll(texts, options), options);
  return { id: artifact.id, texts: new Map(drawn.map((d, i) => [d.id, { ...d, group: alike.find(i) }])) };
}

/** Reads the newest documents of a data set; an artifact never changes, so the last ones are kept. */
export function poolReader(project: ProjectFile, store: Store): (on: string) => Promise<LabelPool> {
  const pools = new Map<string, Promise<LabelPool>>();
  return async on => {
    const found = await findDataSet(project, store, on);
    if (!found) return { id: "", texts: new Map() };
    const { artifact } = found;
    const known = pools.get(artifact.id);
    if (known) return known;
    const read = readPool(artifact);
    pools.set(artifact.id, read);
    read.catch(() => pools.delete(artifact.id));
    for (const oldest of pools.keys()) if (pools.size > keptPools) pools.delete(oldest);
    return read;
  };
}
