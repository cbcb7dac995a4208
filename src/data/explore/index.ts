/** Documents of a data set as lists, groups and histories: what a page or a terminal looks through. */
export { documentCatalog, documentSides } from "./catalog.ts";
export { type ClusterMember, type DocumentCluster, documentClusters } from "./clusters.ts";
export { type DocumentHistory, documentHistory } from "./history.ts";
export {
  type DocumentList,
  type DocumentPage,
  type DocumentPageOptions,
  documentList,
  documentSorts,
  type ListedDocument,
} from "./list.ts";
