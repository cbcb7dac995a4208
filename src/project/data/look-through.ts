/**
 * Documents of the artifacts of a project, looked through: lists with search and filters, one document with its history, groups of like ones. Catalogues are kept
 * in memory, the last ones used. Documents that `forget:` names, now or in newer documents of the same data set, are never shown, also not out of artifacts
 * that are older than the entry.
 */
import { hashOf } from "../../base/index.ts";
import {
  type DocumentCluster,
  type DocumentHistory,
  type DocumentList,
  type DocumentPage,
  type DocumentPageOptions,
  documentCatalog,
  documentClusters,
  documentHistory,
  documentIds,
  documentList,
  explain,
  findDocuments,
  forgottenReason,
  lineDiff,
  type NamedSource,
  readMeasures,
  resolveId,
  type Story,
  shownBy,
} from "../../data/index.ts";
import { type ArtifactInfo, type ArtifactReader, findSubject, openArtifact, type Store } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";
import { newestDocuments } from "./newest-documents.ts";
import { type Whereabouts, whereabouts } from "./whereabouts.ts";

/** Catalogues in memory: 40 bytes a document, 60 while one is made; of one that is searched the index of its words, too. */
const keptCatalogs = 3;

export type LookedAtDocument = Story & {
  readonly artifact: string;
  /** What each step changed in the text. */
  readonly history: DocumentHistory;
  readonly where: Whereabouts;
  /** Against a near-duplicate that was named: the lines in which the two differ. */
  readonly difference: { readonly id: string; readonly lines: ReturnType<typeof lineDiff> } | null;
};

export interface ClusterPage {
  readonly artifact: string;
  readonly count: number;
  readonly cursor: number;
  readonly next: number | null;
  readonly clusters: readonly DocumentCluster[];
}

export interface ClusterPageOptions {
  /** Default 0. */
  readonly cursor?: number | undefined;
  /** Groups a page; default 50. */
  readonly limit?: number | undefined;
}

interface Looked {
  readonly info: ArtifactInfo;
  readonly artifact: ArtifactReader;
  readonly isErased: (id: string) => boolean;
  /** The artifact and what is erased from it. */
  readonly key: string;
}

/** What stages keep in an artifact's options; absent in those of other stages. */
interface KeptOptions {
  readonly name?: string;
  readonly forget?: readonly string[];
  readonly sources?: readonly NamedSource[];
}
const optionsOf = ({ options }: ArtifactInfo): KeptOptions => (options ?? {}) as KeptOptions;

export class DocumentLooks {
  readonly #store: Store;
  readonly #project: () => ProjectFile | undefined;
  readonly #lists = new Map<string, Promise<DocumentList>>();
  readonly #clusters = new Map<string, Promise<readonly DocumentCluster[]>>();

  /** `project` as it is now: its `forget:` lists and its sources. */
  constructor(store: Store, project: () => ProjectFile | undefined) {
    this.#store = store;
    this.#project = project;
  }

  /** Errors: store/notFound; project/argument for an artifact that is none of documents. */
  async #look(id: string): Promise<Looked> {
    const subject = await findSubject(this.#store, id);
    const [info] = subject.artifacts;
    if (info?.kind !== "documents" || info.releasedMs !== null)
      throw projectErrors.fail("argument", { place: "artifact", expected: "documents whose files are kept", received: `"${id}"` });
    const { name, forget = [] } = optionsOf(info);
    const newest = name === undefined ? undefined : await newestDocuments(this.#store, name);
    const entries = new Set([
      ...forget,
      ...(newest ? (optionsOf(newest).forget ?? []) : []),
      ...((name === undefined ? undefined : this.#project()?.config.data[name]?.forget) ?? []),
    ]);
    const reason = forgottenReason([...entries]);
    return {
      info,
      artifact: await openArtifact(this.#store, info.id),
      isErased: doc => reason(doc) !== undefined,
      key: `${info.id} ${hashOf([...entries].sort())}`,
    };
  }

  /** Made once for all who ask; one that failed is made again. */
  #once<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
    const made = kept.get(key) ?? make();
    kept.delete(key);
    kept.set(key, made);
    made.catch(() => kept.delete(key));
    for (const oldest of kept.keys()) if (kept.size > keptCatalogs) kept.delete(oldest);
    return made;
  }

  /** A page of an artifact's documents. Errors: store/notFound, project/argument; those of the disk. */
  async documents(id: string, options: DocumentPageOptions = {}, budgetMs?: number): Promise<DocumentPage> {
    const { artifact, isErased, key } = await this.#look(id);
    const list = await this.#once(this.#lists, key, async () => documentList(await documentCatalog(artifact, isErased)));
    return list.page(options, budgetMs);
  }

  /** Groups of like documents, the largest first. Errors: store/notFound, project/argument. */
  async clusters(id: string, { cursor = 0, limit = 50 }: ClusterPageOptions = {}): Promise<ClusterPage> {
    const { artifact, isErased, key } = await this.#look(id);
    const all = await this.#once(this.#clusters, key, () => documentClusters(artifact, isErased));
    const clusters = all.slice(cursor, cursor + limit);
    const end = cursor + clusters.length;
    return { artifact: artifact.id, count: all.length, cursor, next: end < all.length ? end : null, clusters };
  }

  /** One document with its history. `against`: a document that it is held beside. Errors: data/unknownDocument, store/notFound, project/argument. */
  async document(id: string, document: string, against?: string): Promise<LookedAtDocument> {
    const looked = await this.#look(id);
    const { artifact, isErased } = looked;
    const ids = (await documentIds(artifact)).filter(known => !isErased(known));
    const whole = resolveId(ids, document, artifact.id);
    const story = withoutErased(await explain(artifact, whole), isErased);
    const shown = shownBy((await readMeasures(artifact))?.steps ?? []);
    const droppedBy = story.entries.find(e => e.action === "drop")?.step;
    const other = against === undefined ? undefined : resolveId(ids, against, artifact.id);
    const difference = other === undefined ? null : await differenceOf(artifact, [whole, other], shown);
    return {
      ...story,
      artifact: artifact.id,
      text: shown.masked(story.text, droppedBy),
      attributes: shown.attributes(story.attributes),
      history: await this.#historyOf(looked, story),
      where: await whereabouts(this.#store, whole),
      difference,
    };
  }

  async #historyOf({ info, artifact }: Looked, story: Story): Promise<DocumentHistory> {
    const { sources } = optionsOf(info);
    const source = info.inputs.find(i => i.name === "source");
    const project = this.#project();
    const missing = (why: string): DocumentHistory => ({ changes: [], missing: why });
    if (info.stage.name !== "data" || !sources || !source)
      return missing("These documents were made from other documents, which have the differences.");
    if (!project) return missing("The text before the edits is in the source, which only the project can read.");
    const { projectPorts } = await import("./ports.ts");
    using ports = projectPorts(project, this.#store);
    return await documentHistory(
      {
        documents: artifact,
        source: await openArtifact(this.#store, source.artifact),
        sources,
        folder: project.folder,
        resources: ports.resources,
      },
      story,
    );
  }
}

/** Without documents that are erased: nothing names them any more. */
function withoutErased({ cluster, group, entries, ...story }: Story, isErased: (id: string) => boolean): Story {
  const survivors = cluster?.survivors.filter(id => !isErased(id)) ?? [];
  const members = cluster?.members.filter(m => !isErased(m.id) && !isErased(m.survivor)) ?? [];
  return {
    ...story,
    entries: entries.map(({ survivor, ...e }) => (survivor === undefined || isErased(survivor) ? e : { ...e, survivor })),
    ...(cluster && survivors.length + members.length > 1 ? { cluster: { survivors, members } } : {}),
    ...(group ? { group: group.filter(id => !isErased(id)) } : {}),
  };
}

async function differenceOf(artifact: ArtifactReader, [first, second]: readonly [string, string], shown: ReturnType<typeof shownBy>) {
  const found = await findDocuments(artifact, new Set([first, second]));
  const textOf = (id: string): string => {
    const { side, document } = found.get(id)!;
    // a dropped line says which step dropped it
    const { dropped } = document as { readonly dropped?: { readonly step: string } };
    return shown.masked(document.text, side === "dropped" ? dropped?.step : undefined);
  };
  return { id: second, lines: lineDiff(textOf(first), textOf(second)).slice(0, 400) };
}
