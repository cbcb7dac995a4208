/** Sketches of curated documents: what they hold, the same bytes however they were put together, and nothing of a document that is gone. */
import { describe, expect, test } from "vitest";
import { memoryArtifact } from "../../data/export/artifact.laws.ts";
import type { Document } from "../../data/index.ts";
import {
  addToSketch,
  compareSketches,
  emptySketch,
  featureData,
  mergeSketches,
  sketchBytes,
  textFeaturesOf,
  textValuesOf,
  typedData,
} from "../../watch/index.ts";
import { documentsSketch } from "./index.ts";

/** A documents artifact in memory. */
function memoryArtifact(given: { train: readonly Document[]; ledger?: readonly LedgerEntry[]; steps?: readonly object[] }): ArtifactReader {
  const { train, ledger = [], steps } = given;
  const lines = (values: readonly object[]) => values.map(v => `${JSON.stringify(v)}\n`).join("");
  const files = new Map([
    ["train.jsonl", train.map(documentLine).join("")],
    ["ledger.jsonl", lines(ledger)],
    ...(steps ? [["measures/index.json", JSON.stringify({ format: 1, documents: train.length, steps, columns: [] })] as const] : []),
  ]);
  const read = async (name: string) => Buffer.from(files.get(name)!);
  return {
    id: "documents-000000000001",
    kind: "documents",
    digest: "0".repeat(64),
    summary: { trainDocuments: train.length },
    files: [...files.keys()].map(name => ({ name, digest: "", sizeBytes: 0 })),
    read,
    async *stream(name) {
      yield await read(name);
    },
    localPath: async name => name,
  };
}

const english = "the letters that she wrote from the harbour that summer were read aloud in the kitchen";
const german = "die Briefe, die sie in jenem Sommer aus dem Hafen schrieb, wurden in der Küche vorgelesen";
const documents = Array.from(
  { length: 40 },
  (_, i): Document => ({
    id: `mail:${String(i).padStart(2, "0")}`,
    source: `${i}.eml`,
    text: `${i % 4 === 0 ? german : english}${i % 5 === 0 ? " write to jane.doe@harbour-letters.com" : ""} ${"word ".repeat(i)}`,
    attributes: { group: i % 3 === 0 ? "spam" : "ham", sender: `person ${i}`, cluster: `mail:${i}`, score: i },
  }),
);

describe("a data set's sketch", () => {
  test("has sizes, languages, private data and attributes of few values", async () => {
    const sketch = await documentsSketch(memoryArtifact({ train: documents }));
    expect(sketch.events).toBe(40);
    expect(Object.keys(sketch.spec.features).sort()).toEqual(["attribute group", "characters", "language", "private", "words"]);
    const counted = (name: string) => {
      const { names, counts } = typedData(sketch, name, "category")!;
      return Object.fromEntries(names.map((n, i) => [n, counts[i]]));
    };
    expect(counted("language")).toEqual({ de: 10, en: 30 });
    expect(counted("attribute group")).toEqual({ spam: 14, ham: 26 });
    expect(counted("private")).toEqual({ email: 8 });
    expect(typedData(sketch, "characters", "number")!.sample.toSorted((a, b) => a - b)).toEqual(
      documents.map(d => d.text.length).sort((a, b) => a - b),
    );
  });

  test("what the steps found counts, where they looked", async () => {
    const train = documents.map(d => ({ ...d, attributes: { language: "pl" } }));
    const found = { document: "mail:03", step: "private", action: "edit" as const, rule: "national-id", value: 2 };
    const others = { document: "mail:04", step: "clean", action: "edit" as const, rule: "private", value: 1 };
    const sketch = await documentsSketch(memoryArtifact({ train, ledger: [found, others], steps: [{ position: 0, step: "private" }] }));
    expect(typedData(sketch, "language", "category")).toMatchObject({ names: ["pl"], counts: [40] });
    expect(typedData(sketch, "private", "category")).toMatchObject({ values: 40, names: ["national-id"], counts: [1] });
  });

  test("a document that is forgotten leaves it: the sketch is that of a data set that never had it", async () => {
    const without = documents.filter(d => d.id !== "mail:20");
    const [before, after] = [
      await documentsSketch(memoryArtifact({ train: documents })),
      await documentsSketch(memoryArtifact({ train: without })),
    ];
    const rebuilt = await documentsSketch(memoryArtifact({ train: without.toReversed() }));
    expect(sketchBytes(after)).toEqual(sketchBytes(rebuilt));
    const gone = documents[20]!.text.length;
    const values = (s: typeof after) => typedData(s, "characters", "number")!.sample.filter(v => v === gone).length;
    expect(values(before) - values(after)).toBe(1);
    expect(featureData(after, "characters")!.values).toBe(39);
    expect(compareSketches(before, after).verdict).not.toBe("drift");
  });
});

test.each([1, 2, 7])("%d workers that each sketch a part come to the same bytes", workers => {
  const spec = { tokenizer: null, sample: 16, features: textFeaturesOf("input", "input") };
  const sketchOf = (some: readonly Document[]) => {
    const sketch = emptySketch(spec);
    for (const { id, text } of some) addToSketch(sketch, textValuesOf("input", text), id);
    return sketch;
  };
  const parts = Array.from({ length: workers }, (_, w) => sketchOf(documents.filter((_, i) => i % workers === w)));
  expect(sketchBytes(parts.reduce(mergeSketches))).toEqual(sketchBytes(sketchOf(documents)));
});
