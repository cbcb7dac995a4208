/** Names and places on the command line: from a file of marked texts to a model and what it is worth. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readBytes } from "../../base/index.ts";
import { decodeNames, nameRecogniser } from "../../data/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { dataPrivate } from "./data-private.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-private-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  join(folder, "loam.yaml"),
  "data: { none: { source: { folder: none, reader: text } } }\ntokenizer: { vocab: 300, from: none }\nmodels: { tiny: { layers: 1, width: 16, heads: 2, context: 32, train: { on: none, tokens: 100, rate: 0.01 } } }\n",
);
const lines = Array.from({ length: 60 }, (_, i) => {
  const name = `N${"abcdefgh"[i % 8]}r${"aeiou"[i % 5]}n`;
  const text = `Line ${i}: ask ${name} about it.`;
  const start = text.indexOf(name);
  return JSON.stringify({ text, spans: [{ start, end: start + name.length, type: "name" }] });
});
writeFileSync(join(folder, "names.jsonl"), `${lines.join("\r\n")}\n`);
writeFileSync(join(folder, "wrong.jsonl"), `${lines[0]}\n\n{"text":"Anna","spans":[{"start":0,"end":9,"type":"name"}]}\n`);

async function result<T>(args: readonly (string | undefined)[], options: Options): Promise<T> {
  let text = "";
  const sink = {
    write(piece: string) {
      text += piece;
      return true;
    },
  } as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink, err: { write: () => true } as never });
  await dataPrivate({ out, cwd: folder, signal: new AbortController().signal }, args, options);
  return JSON.parse(text.trim().split("\n").at(-1)!) as T;
}

test("a recogniser trained from a file stands in a whole file, finds names, and is shown with the same report", async () => {
  const options = { examples: ["names.jsonl"], out: "models/n.bin", set: ["bits=12", "passes=3"] };
  const trained = await result<{ file: string; report: { examples: number; names: number } }>(["train"], options);
  expect(trained.report).toMatchObject({ examples: 60, names: 60 });
  expect(trained.file).toBe(join(folder, "models/n.bin"));
  const recogniser = nameRecogniser(decodeNames(readBytes(trained.file), "n.bin"));
  expect(recogniser.recognise("Line 99: ask Nzrun about it.")).toMatchObject([{ type: "name", start: 13, end: 18 }]);
  const shown = await result<{ report: unknown; options: unknown }>(["show", "models/n.bin"], {});
  expect(shown.report).toEqual(trained.report);
  expect(shown.options).toMatchObject({ bits: 12, passes: 3 });
});

test("mistakes are named: no examples, a wrong line, an unknown option, another file", async () => {
  await expect(result(["train"], {})).rejects.toThrow("--examples: expected a file of marked texts, got none");
  await expect(result(["train"], { examples: ["none.jsonl"] })).rejects.toThrow("none.jsonl");
  await expect(result(["train"], { examples: ["wrong.jsonl"] })).rejects.toThrow("wrong.jsonl:3: expected a span within");
  await expect(result(["train"], { examples: ["names.jsonl"], set: ["words=2"] })).rejects.toThrow("words");
  // no file: the model that ships with Loam
  expect(await result<{ file: string; options: unknown }>(["show"], {})).toMatchObject({ file: "models/names.bin", options: { bits: 20 } });
  await expect(result(["show", "loam.yaml"], {})).rejects.toThrow("loam.yaml: expected a model of names, got another file");
  await expect(result(["retrain"], {})).rejects.toThrow('expected train or show, got "retrain"');
});
