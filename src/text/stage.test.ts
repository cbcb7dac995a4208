import { expect, test } from "vitest";
import { silent } from "../base/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { loadTokenizer } from "./load.ts";
import { tokenizerStage, trainTexts } from "./stage.ts";

/** An artifact in memory whose stream is cut in the middle of characters and lines. */
function artifact(text: string, pieceBytes = 7): ArtifactReader {
  const bytes = Buffer.from(text);
  return {
    id: "documents-test",
    kind: "documents",
    digest: "0",
    summary: {},
    files: [{ name: "train.jsonl", digest: "0", sizeBytes: bytes.length }],
    read: async () => bytes,
    stream: async function* () {
      for (let i = 0; i < bytes.length; i += pieceBytes) yield bytes.subarray(i, i + pieceBytes);
    },
    localPath: async () => "",
  };
}
const lines = (texts: readonly string[]) => texts.map((text, id) => JSON.stringify({ id: String(id), text })).join("\n");
const texts = ["Grüße aus Köln 😀\nzwei Zeilen", "the cat and the hat", "the dog and the fog", ""];

async function run(documents: ArtifactReader, options: Record<string, unknown> = { vocab: 270 }) {
  const files = new Map<string, string>();
  const summary = await tokenizerStage.run({
    inputs: { documents },
    options: tokenizerStage.options.parse(options),
    output: {
      write: async (name, data) => {
        files.set(name, Buffer.from(data).toString());
      },
      writeStream: async () => {},
    },
    progress: silent,
    signal: new AbortController().signal,
    runData: { write() {} },
    scratch: "",
  });
  return { files, summary };
}

test("texts come out of pieces of bytes as they went in", async () => {
  for (const pieceBytes of [1, 7, 1000]) {
    const found: string[] = [];
    for await (const text of trainTexts(artifact(lines(texts), pieceBytes), "train.jsonl")) found.push(text);
    expect(found).toEqual(texts);
  }
});

test("the stage writes a tokenizer.json that loads, and says how well it compresses", async () => {
  const { files, summary } = await run(artifact(lines(texts)));
  const tokenizer = loadTokenizer(files.get("tokenizer.json")!);
  const bytes = texts.reduce((n, t) => n + Buffer.byteLength(t), 0);
  const tokens = texts.reduce((n, t) => n + tokenizer.encode(t).length, 0);
  expect(summary).toMatchObject({ vocab: tokenizer.vocabSize, numDocuments: 4, corpusBytes: bytes });
  expect(summary.bytesPerToken).toBeCloseTo(bytes / tokens, 3);
  expect([...tokenizer.specials.keys()]).toEqual(["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]);
});

test("options are strict", () => {
  expect(() => tokenizerStage.options.parse({ vocab: 300, vocabulary: 1 })).toThrow();
  expect(() => tokenizerStage.options.parse({ vocab: 300, pattern: "gpt3" })).toThrow();
});

test("a line that is no document is named", async () => {
  await expect(run(artifact(`${lines(["a"])}\n{"id": "2"}`))).rejects.toThrow(
    'documents-test/train.jsonl:2: expected a JSON object with "text"',
  );
  await expect(run(artifact("not json"))).rejects.toThrow("train.jsonl:1");
  await expect(run(artifact(""))).rejects.toThrow("an empty one");
});
