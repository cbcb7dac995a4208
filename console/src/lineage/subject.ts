/** The server's graph as the page shows it: artifacts, and the model versions that stand for some of them as nodes of their own. */

import { formatCount, formatFixed, formatShort, formatValue, label, words } from "../format.ts";
import type { Graph, GraphEdge, GraphNode, ModelVersion } from "../generated/server.ts";

export interface ArtifactNode {
  readonly type: "artifact";
  readonly id: string;
  readonly kind: string;
  readonly artifact: GraphNode;
}
export interface VersionNode {
  readonly type: "version";
  /** `mail-small@2`. */
  readonly id: string;
  readonly kind: "version";
  readonly version: ModelVersion;
  readonly isServed: boolean;
}
export type Node = ArtifactNode | VersionNode;

export interface Lineage {
  readonly nodes: readonly Node[];
  readonly edges: readonly GraphEdge[];
}

/** Graph and versions as one; a version hangs on its artifact. `served`: ids of the versions that answer requests. */
export function lineageOf(graph: Graph, versions: readonly ModelVersion[], served: ReadonlySet<string>): Lineage {
  const artifacts = graph.nodes.map((n): Node => ({ type: "artifact", id: n.id, kind: n.kind, artifact: n }));
  const known = new Set(graph.nodes.map(n => n.id));
  const named = versions
    .filter(v => known.has(v.artifact) && !known.has(v.id))
    .map((v): Node => ({ type: "version", id: v.id, kind: "version", version: v, isServed: served.has(v.id) }));
  const hung = named.flatMap(n => (n.type === "version" ? [{ from: n.version.artifact, to: n.id, name: "version" }] : []));
  return { nodes: [...artifacts, ...named], edges: [...graph.edges, ...hung] };
}

const count = (name: string, value: unknown): string | undefined =>
  typeof value === "number" ? `${formatCount(value)} ${name}` : undefined;
const joined = (...parts: readonly (string | undefined)[]): string | undefined => {
  const said = parts.filter(p => p !== undefined);
  return said.length === 0 ? undefined : said.join(", ");
};

/** What one would say first of an artifact of this kind; a kind that is not here says the first of its summary. */
const heads: Readonly<Record<string, (s: GraphNode["summary"]) => string | undefined>> = {
  source: s => joined(count("files", s.files), typeof s.sizeBytes === "number" ? formatValue("bytes", s.sizeBytes) : undefined),
  documents: s => count("documents", s.kept),
  tokenizer: s => count("tokens", s.vocab),
  shards: s => (typeof s.trainTokens === "number" ? `${formatShort(s.trainTokens)} tokens` : undefined),
  model: s => (typeof s.parameters === "number" ? `${formatShort(s.parameters)} parameters` : undefined),
  evaluation: s => (typeof s.bitsPerByte === "number" ? `${formatFixed(s.bitsPerByte, 3)} bits per byte` : undefined),
};

/** What a node is, in a word or two. */
export const kindWords = (node: Node): string => (node.type === "artifact" ? words(node.kind) : node.isServed ? "Served now" : "Version");

/** One line about a node. */
export function headline(node: Node): string {
  if (node.type === "version") return node.id;
  const { summary } = node.artifact;
  const said = heads[node.kind]?.(summary);
  if (said !== undefined) return said;
  const [first] = Object.entries(summary).filter(([, v]) => typeof v !== "object");
  return first ? `${label(first[0], first[1])} ${formatValue(first[0], first[1])}` : "";
}
