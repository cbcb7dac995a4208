/** What people type for a thing in the record: an artifact's id or the beginning of one, `model@version`, a digest, a document's id. */
import { type ArtifactInfo, completeArtifacts } from "./artifact.ts";
import { isDigest } from "./blobs/blobs.ts";
import { storeErrors } from "./errors.ts";
import { indexHas, membersIndexFile } from "./members.ts";
import { resolveVersion } from "./models.ts";
import { artifactReader } from "./reader.ts";
import type { ArtifactReader } from "./stage.ts";
import type { Store } from "./store.ts";

export type Subject =
  | { readonly type: "artifact"; readonly id: string; readonly artifacts: readonly [ArtifactInfo] }
  | { readonly type: "version"; readonly id: string; readonly artifacts: readonly [ArtifactInfo] }
  /** Artifacts with this content, or with a file of it. */
  | { readonly type: "digest"; readonly id: string; readonly artifacts: readonly ArtifactInfo[] }
  /** Artifacts that list the document among their members. */
  | { readonly type: "document"; readonly id: string; readonly artifacts: readonly ArtifactInfo[] };

/** Shortest beginning of an id that is looked up. */
const minPrefix = 4;

const infoOf = async (store: Store, ids: readonly string[]): Promise<ArtifactInfo[]> =>
  ids.length === 0
    ? []
    : completeArtifacts(store.records.read, await store.records.read.selectFrom("artifacts").selectAll().where("id", "in", ids).execute());

async function byPrefix(store: Store, text: string): Promise<ArtifactInfo | undefined> {
  const db = store.records.read;
  const exact = await infoOf(store, [text]);
  if (exact[0] || text.length < minPrefix) return exact[0];
  const n = text.length;
  const found = await db
    .selectFrom("artifacts")
    .select("id")
    .where(e =>
      e.or([
        e(e.fn<string>("substr", ["id", e.val(1), e.val(n)]), "=", text),
        // `1f0c2a...` without its kind.
        e(e.fn<string>("substr", ["recipe", e.val(1), e.val(n)]), "=", text),
      ]),
    )
    .orderBy("id")
    .limit(9)
    .execute();
  if (found.length > 1)
    throw storeErrors.fail("ambiguous", {
      place: text,
      expected: "the beginning of one id",
      received: `${found.length === 9 ? "9 or more" : found.length} that fit: ${found
        .slice(0, 4)
        .map(a => a.id)
        .join(", ")}${found.length > 4 ? ", ..." : ""}`,
      hint: "Type more of it.",
    });
  return found[0] && (await infoOf(store, [found[0].id]))[0];
}

async function byDigest(store: Store, digest: string): Promise<ArtifactInfo[]> {
  const db = store.records.read;
  const whole = await db.selectFrom("artifacts").select("id").where("digest", "=", digest).execute();
  const part = await db.selectFrom("artifact_files").select("artifact as id").distinct().where("digest", "=", digest).execute();
  return infoOf(store, [...new Set([...whole, ...part].map(a => a.id))]);
}

/** Artifacts whose members list the document, oldest first: one binary search each, equal indexes searched once. */
export async function artifactsOfDocument(store: Store, document: string): Promise<ArtifactInfo[]> {
  const db = store.records.read;
  const files = await db.selectFrom("artifact_files").select(["artifact", "digest"]).where("name", "=", membersIndexFile).execute();
  const answers = new Map<string, boolean>();
  for (const { digest } of files)
    if (!answers.has(digest)) answers.set(digest, await indexHas(await store.blobs.localPath(digest), document));
  const found = await infoOf(
    store,
    files.filter(f => answers.get(f.digest)).map(f => f.artifact),
  );
  return found.sort((a, b) => a.createdMs - b.createdMs);
}

/** What a text names: tried as artifact, model version, digest, document, in this order. Errors: notFound, ambiguous. */
export async function findSubject(store: Store, text: string): Promise<Subject> {
  const artifact = await byPrefix(store, text);
  if (artifact) return { type: "artifact", id: artifact.id, artifacts: [artifact] };
  const models = await store.records.read.selectFrom("versions").select("model").distinct().execute();
  const at = text.lastIndexOf("@");
  const model = at > 0 ? text.slice(0, at) : text;
  if (models.some(m => m.model === model)) {
    const version = await resolveVersion(store.records.read, model, at > 0 ? text.slice(at + 1) : "latest");
    const [made] = await infoOf(store, [version.artifact]);
    if (made) return { type: "version", id: `${version.model}@${version.number}`, artifacts: [made] };
  }
  if (isDigest(text)) {
    const artifacts = await byDigest(store, text);
    if (artifacts.length > 0) return { type: "digest", id: text, artifacts };
  }
  const holders = await artifactsOfDocument(store, text);
  if (holders.length > 0) return { type: "document", id: text, artifacts: holders };
  const some = await store.records.read.selectFrom("artifacts").select("id").orderBy("created_ms", "desc").limit(3).execute();
  throw storeErrors.fail("notFound", {
    place: text,
    expected: "an artifact, a model version, a digest or a document of this record",
    received: "none of that name",
    hint: some.length > 0 ? `The newest artifacts are ${some.map(a => a.id).join(", ")}.` : "Nothing is recorded yet: run a stage first.",
  });
}

/** The one artifact that a text names. Errors: notFound, ambiguous. */
export async function openArtifact(store: Store, text: string): Promise<ArtifactReader> {
  const subject = await findSubject(store, text);
  const kept = subject.artifacts.filter(a => a.releasedMs === null);
  const info = kept[0] ?? subject.artifacts[0]!;
  if (subject.artifacts.length > 1 && (subject.type === "document" || new Set(subject.artifacts.map(a => a.digest)).size > 1))
    throw storeErrors.fail("ambiguous", {
      place: text,
      expected: "one artifact",
      received: `${subject.artifacts.length}: ${subject.artifacts
        .slice(0, 4)
        .map(a => a.id)
        .join(", ")}`,
      hint: "Name one of them.",
    });
  return artifactReader(store, info);
}

/** All artifacts, newest first. */
export async function listArtifacts(
  store: Store,
  filter: { readonly kind?: string; readonly limit?: number } = {},
): Promise<ArtifactInfo[]> {
  let query = store.records.read.selectFrom("artifacts").selectAll().orderBy("created_ms", "desc").orderBy("id");
  if (filter.kind !== undefined) query = query.where("kind", "=", filter.kind);
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  return completeArtifacts(store.records.read, await query.execute());
}
