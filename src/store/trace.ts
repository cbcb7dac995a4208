/**
 * Lineage as plain data for a line, a page or another program: what a thing was made from, down to documents, and what was made from it.
 * A document's way is followed exactly: an artifact that lists its members and not this document ends the branch ("left out").
 */
import type { Json } from "../base/index.ts";
import { type ArtifactInfo, completeArtifacts } from "./artifact.ts";
import { indexHas, memberIds, membersFile, membersIndexFile } from "./members.ts";
import { findSubject, type Subject } from "./names.ts";
import type { Summary } from "./stage.ts";
import type { Store } from "./store.ts";

export interface TraceNode {
  readonly id: string;
  readonly kind: string;
  readonly stage: string;
  readonly stageVersion: number;
  readonly digest: string;
  readonly createdMs: number;
  readonly releasedMs: number | null;
  /** What the stage was told. */
  readonly options: Json;
  readonly summary: Summary;
  /** `mail-small@3`: the model versions that are this artifact. */
  readonly versions: readonly string[];
  /** How many documents it lists; null where it lists none of its own. */
  readonly documents: number | null;
}

export interface TraceEdge {
  /** The ingredient. */
  readonly from: string;
  /** What was made. */
  readonly to: string;
  /** The stage's name for the ingredient. */
  readonly name: string;
  /** True where it was made from another artifact with exactly this content. */
  readonly sameContent: boolean;
}

export interface Trace {
  readonly subject: { readonly type: Subject["type"]; readonly id: string; readonly artifacts: readonly string[] };
  readonly nodes: readonly TraceNode[];
  readonly edges: readonly TraceEdge[];
  /** Ids of what it was made from, nearest first. */
  readonly madeFrom: readonly string[];
  /** Ids of what was made from it, nearest first. */
  readonly madeInto: readonly string[];
  /** For a document: artifacts made from one that holds it, but without it. */
  readonly leftOut: readonly string[];
  /** The first documents of the artifacts that list some, among the subject and what it was made from. */
  readonly documents: readonly { readonly artifact: string; readonly count: number; readonly first: readonly string[] }[];
}

const membersOf = (a: ArtifactInfo): number | null => {
  const index = a.files.find(f => f.name === membersIndexFile);
  return index ? index.sizeBytes / 8 : null;
};

/** Ids in portions that every database takes as parameters. */
const portions = function* <T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let i = 0; i < items.length; i += 1000) yield items.slice(i, i + 1000);
};

async function infos(store: Store, ids: readonly string[]): Promise<ArtifactInfo[]> {
  const db = store.records.read;
  const all: ArtifactInfo[] = [];
  for (const some of portions(ids))
    all.push(...(await completeArtifacts(db, await db.selectFrom("artifacts").selectAll().where("id", "in", some).execute())));
  return all;
}

/** Walks edges level by level; `next` answers the edges that leave a level, and those already seen end it. */
async function walk(
  start: readonly ArtifactInfo[],
  known: Map<string, ArtifactInfo>,
  step: (level: ArtifactInfo[]) => Promise<ArtifactInfo[]>,
): Promise<string[]> {
  const order: string[] = [];
  const seen = new Set(start.map(a => a.id));
  for (let level = [...start]; level.length > 0; ) {
    const found: ArtifactInfo[] = [];
    for (const a of await step(level))
      if (!seen.has(a.id)) {
        seen.add(a.id);
        known.set(a.id, a);
        order.push(a.id);
        found.push(a);
      }
    level = found;
  }
  return order;
}

/** Artifacts that were made directly from any of these, with the edges that say so. */
async function madeDirectly(store: Store, level: readonly ArtifactInfo[]): Promise<TraceEdge[]> {
  const db = store.records.read;
  const edges: TraceEdge[] = [];
  for (const some of portions(level)) {
    const ids = some.map(a => a.id);
    const rows = await db
      .selectFrom("inputs")
      .selectAll()
      .where(e =>
        e.or([
          e("source", "in", ids),
          e(
            "digest",
            "in",
            some.map(a => a.digest),
          ),
        ]),
      )
      .execute();
    for (const row of rows)
      for (const a of some)
        if (row.source === a.id || row.digest === a.digest)
          edges.push({ from: a.id, to: row.artifact, name: row.name, sameContent: row.source !== a.id });
  }
  return edges;
}

async function holds(store: Store, a: ArtifactInfo, document: string): Promise<boolean | undefined> {
  const index = a.files.find(f => f.name === membersIndexFile);
  return index && indexHas(await store.blobs.localPath(index.digest), document);
}

/**
 * Lineage of an artifact, a model version, a digest or a document, both ways. `first` documents are listed of each artifact that has some.
 * Errors: notFound, ambiguous; blobMissing, blobDamaged where a list of documents cannot be read.
 */
export async function traceArtifact(store: Store, text: string, options: { readonly first?: number } = {}): Promise<Trace> {
  const db = store.records.read;
  const subject = await findSubject(store, text);
  const known = new Map(subject.artifacts.map(a => [a.id, a]));
  const edges = new Map<string, TraceEdge>();
  const leftOut = new Set<string>();
  const add = (edge: TraceEdge) => edges.set(`${edge.from} ${edge.to} ${edge.name}`, edge);

  const madeFrom = await walk(subject.artifacts, known, async level => {
    for (const a of level) for (const e of a.inputs) add({ from: e.artifact, to: a.id, name: e.name, sameContent: false });
    return infos(store, [...new Set(level.flatMap(a => a.inputs.map(e => e.artifact)))]);
  });
  const madeInto = await walk(subject.artifacts, known, async level => {
    const direct = await madeDirectly(store, level);
    const made = await infos(store, [...new Set(direct.map(e => e.to))]);
    const going: ArtifactInfo[] = [];
    for (const a of made) {
      if (subject.type === "document" && (await holds(store, a, subject.id)) === false) {
        leftOut.add(a.id);
        known.set(a.id, a);
      } else going.push(a);
    }
    for (const edge of direct) add(edge);
    return going;
  });

  const versions = await db.selectFrom("versions").select(["model", "number", "artifact"]).execute();
  const nodes = [...known.values()].map(a => ({
    id: a.id,
    kind: a.kind,
    stage: a.stage.name,
    stageVersion: a.stage.version,
    digest: a.digest,
    createdMs: a.createdMs,
    releasedMs: a.releasedMs,
    options: a.options,
    summary: a.summary,
    versions: versions.filter(v => v.artifact === a.id).map(v => `${v.model}@${v.number}`),
    documents: membersOf(a),
  }));
  const documents: { artifact: string; count: number; first: string[] }[] = [];
  for (const a of [...subject.artifacts, ...madeFrom.map(id => known.get(id)!)]) {
    const count = membersOf(a);
    if (count !== null && subject.type !== "document")
      documents.push({ artifact: a.id, count, first: await firstOf(tracedDocuments(store, a), options.first ?? 5) });
  }
  return {
    subject: { type: subject.type, id: subject.id, artifacts: subject.artifacts.map(a => a.id) },
    nodes,
    // An edge from outside the picture (a twin of the same content) is left to that twin's own trace.
    edges: [...edges.values()].filter(e => known.has(e.from) && known.has(e.to)),
    madeFrom,
    madeInto,
    leftOut: [...leftOut],
    documents,
  };
}

async function firstOf(ids: AsyncIterable<string>, n: number): Promise<string[]> {
  const first: string[] = [];
  if (n <= 0) return first;
  for await (const id of ids) {
    first.push(id);
    if (first.length === n) break;
  }
  return first;
}

/** The ids of the documents that an artifact lists, in the order its stage wrote them; none where it lists none. */
export async function* tracedDocuments(store: Store, artifact: Pick<ArtifactInfo, "files">): AsyncIterable<string> {
  const file = artifact.files.find(f => f.name === membersFile);
  if (file) yield* memberIds(store.blobs.stream(file.digest));
}
