/**
 * Merge keys of YAML (`<<: *name`, https://yaml.org/type/merge.html): the keys of another map, unless the map has them itself. The parser puts them
 * in; here is seen to it beforehand that what is named is a map, that no map is in itself, and that maps of maps do not multiply without end.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, visit } from "yaml";

/** Keys that all merges of a document copy; a real configuration has hundreds. */
const mostCopied = 10_000;

interface MergeProblem {
  /** Where in the text. */
  readonly at: number;
  readonly expected: string;
  readonly received: string;
}

const kindOf = (node: unknown): string => (isSeq(node) ? "a list" : isScalar(node) ? JSON.stringify(node.value) : "nothing");
/** Plain: a key in quotes is a text like any other. */
const isMergeKey = (key: unknown): boolean => isScalar(key) && key.value === "<<" && key.type === "PLAIN";

/** What is wrong with the merge keys of a document that was parsed with them; undefined where nothing is. */
export function mergeProblem(document: Document): MergeProblem | undefined {
  let problem: MergeProblem | undefined;
  const fail = (node: Node | null, expected: string, received: string): number => {
    problem ??= { at: node?.range?.[0] ?? 0, expected, received };
    return Number.POSITIVE_INFINITY;
  };
  /** Keys that a map has with all that is merged into it, copies counted; undefined while it is being counted. */
  const sizes = new Map<Node, number | undefined>();
  const sizeOf = (node: unknown, named: Node | null): number => {
    const map = isAlias(node) ? node.resolve(document) : node;
    if (isAlias(node) && map === undefined) return fail(named, `an anchor &${node.source} before it`, "none");
    if (!isMap(map)) return fail(named, "a map to merge, or a list of maps", kindOf(map));
    if (sizes.has(map)) return sizes.get(map) ?? fail(named, "a map to merge", "the map that it stands in");
    sizes.set(map, undefined);
    let size = 0;
    for (const { key, value } of map.items) size += isMergeKey(key) ? mergedSize(value) : 1;
    sizes.set(map, size);
    return size;
  };
  const mergedSize = (value: unknown): number => {
    const list = isAlias(value) ? value.resolve(document) : value;
    const sources = isSeq(list) ? list.items : [value];
    return sources.reduce((n: number, source) => n + sizeOf(source, value as Node | null), 0);
  };
  let copied = 0;
  visit(document, {
    Pair(_, pair) {
      if (!isMergeKey(pair.key)) return undefined;
      copied += mergedSize(pair.value);
      if (copied > mostCopied) fail(pair.value as Node | null, `merge keys that copy at most ${mostCopied} keys`, "more");
      return problem ? visit.BREAK : undefined;
    },
  });
  return problem;
}
