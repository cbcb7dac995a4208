import { expect, test } from "vitest";
import type { GraphNode, ModelVersion } from "../generated/server.ts";
import { headline, kindWords, lineageOf } from "./subject.ts";

const artifact = (id: string, summary: GraphNode["summary"] = {}): GraphNode => ({
  id,
  kind: id.split("-")[0]!,
  stage: "s",
  summary,
  createdAt: 0,
  relation: "ancestor",
});
const version = (id: string, of: string): ModelVersion => ({
  id,
  name: "m",
  version: 1,
  artifact: of,
  createdAt: 0,
  aliases: ["latest"],
  scores: {},
});
const graph = {
  root: "model-a",
  nodes: [artifact("tokenizer-a"), artifact("model-a")],
  edges: [{ from: "tokenizer-a", to: "model-a", name: "tokenizer" }],
};

test("versions hang on their artifacts, those of artifacts that are not shown are left out", () => {
  const { nodes, edges } = lineageOf(graph, [version("m@1", "model-a"), version("m@2", "model-b")], new Set(["m@1"]));
  expect(nodes.map(n => n.id)).toEqual(["tokenizer-a", "model-a", "m@1"]);
  expect(edges.at(-1)).toEqual({ from: "model-a", to: "m@1", name: "version" });
  expect(nodes.map(kindWords)).toEqual(["Tokenizer", "Model", "Served now"]);
});

test("a node says what matters for its kind, a stranger the first of its summary, an empty one nothing", () => {
  const say = (a: GraphNode) => headline({ type: "artifact", id: a.id, kind: a.kind, artifact: a });
  expect(say(artifact("documents-1", { read: 6046, kept: 4871 }))).toBe("4,871 documents");
  expect(say(artifact("evaluation-1", { bitsPerByte: 1.8712 }))).toBe("1.871 bits per byte");
  expect(say(artifact("card-1", { nested: { a: 1 }, sizeBytes: 2000 }))).toBe("Size 2.00 kB");
  expect(say(artifact("model-1"))).toBe("");
});
