/** Documents of a data set by its name: lists with search and filters, groups of like ones, one document. */
import type { DocumentPage, DocumentPageOptions } from "../../data/index.ts";
import type { Workspace } from "../workspace.ts";
import { type DataSetState, openDataSet, stateOf } from "./data-set.ts";
import { findDocument, knownSets } from "./find-document.ts";
import { type ClusterPage, type ClusterPageOptions, DocumentLooks, type LookedAtDocument } from "./look-through.ts";

const looksOf = new WeakMap<Workspace, DocumentLooks>();

/** One for a workspace: its catalogues stay in memory between calls. */
async function looksAt(at: Workspace): Promise<DocumentLooks> {
  const store = await at.store();
  const looks = looksOf.get(at) ?? new DocumentLooks(store, () => at.file);
  looksOf.set(at, looks);
  return looks;
}

/** A search is complete when it answers. Errors: project/argument, project/nothing. */
export async function searchDataSet(
  at: Workspace,
  name: string | undefined,
  options: DocumentPageOptions,
): Promise<DataSetState & DocumentPage> {
  const set = stateOf(await openDataSet(at.file, await at.store(), name));
  return { ...set, ...(await (await looksAt(at)).documents(set.artifact, options, Number.POSITIVE_INFINITY)) };
}

/** Errors: project/argument, project/nothing. */
export async function dataSetClusters(
  at: Workspace,
  name: string | undefined,
  options: ClusterPageOptions,
): Promise<DataSetState & ClusterPage> {
  const set = stateOf(await openDataSet(at.file, await at.store(), name));
  return { ...set, ...(await (await looksAt(at)).clusters(set.artifact, options)) };
}

/** Errors: data/unknownDocument, project/nothing. */
export async function dataSetDocument(at: Workspace, document: string, against: string | undefined): Promise<LookedAtDocument> {
  const { set, id } = findDocument(await knownSets(at.file, await at.store()), document);
  return (await looksAt(at)).document(set.artifact.id, id, against);
}
