import fc from "fast-check";
import { expect, test } from "vitest";
import type { ArtifactReader } from "../store/index.ts";
import { documentLine } from "./document.ts";
import { heldWithin } from "./within.ts";

type Texts = Readonly<Record<string, string>>;
const byId = (a: string, b: string) => (a < b ? -1 : 1);
const artifact = (texts: Texts): ArtifactReader => {
  const lines = Object.keys(texts)
    .sort(byId)
    .map(id => documentLine({ id, text: texts[id]!, source: "s", attributes: { length: texts[id]!.length } }));
  const train = Buffer.from(lines.join(""));
  return {
    id: "documents-1",
    kind: "documents",
    digest: "",
    summary: {},
    files: [{ name: "train.jsonl", digest: "", sizeBytes: train.length }],
    read: async () => train,
    async *stream() {
      yield train;
    },
    localPath: async name => name,
  };
};
// few ids and texts, so that lists meet
const texts = fc.dictionary(fc.constantFrom(..."abcdefgé"), fc.constantFrom("one", "two")).map(t => ({ ...t }));

test("a list is within another exactly where each of its documents stands there word for word", async () => {
  await fc.assert(
    fc.asyncProperty(texts, texts, fc.subarray([..."abcdefgé"]), async (inner: Texts, outer: Texts, asked) => {
      const held = await heldWithin(artifact(inner), artifact(outer), new Set(asked));
      const isWithin = Object.entries(inner).every(([id, text]) => outer[id] === text);
      expect(held && [...held].sort(byId)).toEqual(isWithin ? asked.filter(id => id in inner).sort(byId) : undefined);
    }),
  );
});

test("what grew holds what it was; a changed word does not", async () => {
  const before = { a: "one", c: "three" };
  expect(await heldWithin(artifact(before), artifact({ ...before, b: "two" }), new Set(["b", "c"]))).toEqual(new Set(["c"]));
  expect(await heldWithin(artifact(before), artifact({ ...before, c: "tree" }), new Set(["c"]))).toBeUndefined();
});
