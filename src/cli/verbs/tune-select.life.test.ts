/** Bases for a classifier: encoders and decoders are compared on the user's classes, what is no reader of texts is told, the held-out side is left alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { bertConfig, initialise, llamaConfig, type ModelConfig, modelOf, specOfModel, writeModelFiles } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { tuneSelect } from "./tune-select.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-select-"));
const device = openDevice("cpu", { threads: 1 });
afterAll(() => {
  device.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const r = random("select");
const tell = { glad: ["sun", "cake", "dance"], low: ["rain", "grey", "cold"] };
const rows = Array.from({ length: 240 }, (_, i) => {
  const mood = i % 3 === 0 ? ("glad" as const) : ("low" as const);
  const words = Array.from({ length: 8 }, () => [...tell[mood], "the", "day", "house", "walk"][r.below(7)]!);
  return { text: `note ${i} ${words.join(" ")}`, mood };
});

beforeAll(async () => {
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "notes.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(
    join(folder, "loam.yaml"),
    `data:
  notes: { source: { folder: notes, reader: jsonl }, steps: [clean], split: { heldOut: 0.2 } }
tokenizer: { vocab: 300, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 64, train: { on: notes, tokens: 4000, rows: 8, rate: 0.02 } }
  mood: { base: toy, tune: { task: classify, on: notes, label: mood, length: 48, batch: 8, rate: 0.02, pooling: mean, validation: 0.3 } }
  answers: { base: toy, tune: { task: instruct, on: notes, columns: { user: text, assistant: mood } } }
device: { threads: 1 }
`,
  );
  const tokenizer = trainBpe(
    rows.map(row => row.text),
    { vocab: 300 },
  );
  const small = { vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context: 64 };
  const kinds: Record<string, ModelConfig> = {
    decoder: { family: "decoder", config: llamaConfig(small) },
    encoder: { family: "encoder", config: { ...bertConfig({ ...small, width: 16 }), headless: true } },
  };
  for (const [name, config] of Object.entries(kinds)) {
    const path = join(folder, name);
    mkdirSync(path);
    await writeModelFiles(
      {
        write: async (file, data) => writeFileSync(join(path, file), data),
        async writeStream(file, pieces) {
          const list: Buffer[] = [];
          for await (const piece of pieces) list.push(Buffer.from(piece as Uint8Array));
          writeFileSync(join(path, file), Buffer.concat(list));
        },
      },
      modelOf(config, await initialise(specOfModel(config), device, 3)),
    );
    writeFileSync(join(path, "tokenizer.json"), JSON.stringify(tokenizer.toJSON()));
  }
});

interface Range {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
interface Result {
  readonly candidates: readonly {
    readonly name: string;
    readonly family: string;
    readonly memoryBytes: number;
    readonly parameters: number;
    readonly latencyMs: number;
    readonly headAlone: Range;
    readonly fewStep: Range | null;
  }[];
  readonly texts: { readonly train: number; readonly validation: number };
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
  readonly recommended: string;
  readonly reason: string;
}

async function selected(models: string[], options: Options): Promise<[Result, string]> {
  const [json, people] = [[] as string[], [] as string[]];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink(people) });
  await tuneSelect({ out, cwd: folder, signal: new AbortController().signal }, models, { project: folder, ...options });
  return [JSON.parse(json.join("").trim().split("\n").at(-1)!) as Result, people.join("")];
}

test("an encoder and a decoder stand beside each other by what they tell of the classes, each with its interval, and one is recommended", async () => {
  const [found, text] = await selected(["./encoder", "./decoder", "./notes"], { for: "mood", steps: "24" });
  expect(found.candidates.map(c => c.family).sort()).toEqual(["decoder", "encoder"]);
  expect(found.refused.map(x => x.name)).toEqual(["./notes"]);
  expect(found.refused[0]!.reason).toContain("notes");
  // the words give the classes away: a head on states that nobody trained tells them far above chance
  for (const c of found.candidates) {
    expect(c.headAlone.value).toBeGreaterThan(0.7);
    for (const range of [c.headAlone, c.fewStep!]) {
      expect(range.low).toBeLessThanOrEqual(range.value);
      expect(range.value).toBeLessThanOrEqual(range.high);
    }
    expect(c.memoryBytes).toBe(4 * c.parameters);
    expect(c.latencyMs).toBeGreaterThan(0);
  }
  const quality = found.candidates.map(c => Math.max(c.headAlone.value, c.fewStep!.value));
  expect(quality[0]).toBeGreaterThanOrEqual(quality[1]!);
  expect(text).toContain(`Take ${found.recommended}: `);
  // of those that may be as good, the smaller one
  if (found.reason.includes("not significantly better")) expect(found.recommended).toBe("./encoder");
  // never more than the train side has
  expect(found.texts.train + found.texts.validation).toBeLessThanOrEqual(192);
  // the same every time but for the clock
  const untimed = (x: Result) => x.candidates.map(({ latencyMs: _, ...c }) => c);
  expect(untimed((await selected(["./encoder", "./decoder"], { for: "mood", steps: "24" }))[0])).toEqual(untimed(found));
});

test("fewer texts are drawn of each class alike; another --on, a model that is no classifier, are refused", async () => {
  const [found] = await selected(["./encoder"], { for: "mood", documents: "12" });
  expect(found.texts.validation).toBeGreaterThan(10);
  expect(found.texts.validation).toBeLessThan(15);
  expect(found.candidates[0]!.fewStep).toBeNull();
  expect(found.reason).toBe("the only candidate");
  await expect(selected(["./encoder"], { for: "answers" })).rejects.toThrow(
    /--for: expected a classifier of loam\.yaml: mood, got "answers"/,
  );
  await expect(selected(["./encoder"], { for: "moood" })).rejects.toThrow(/Did you mean "mood"\?/);
  await expect(selected(["./encoder"], { for: "mood", on: "others" })).rejects.toThrow(/--on: expected none beside --for, or notes/);
  await expect(selected(["./notes"], { for: "mood" })).rejects.toThrow(/expected a model that reads texts, or more/);
});
