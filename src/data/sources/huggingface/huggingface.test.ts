import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, expect, test } from "vitest";
import { manifestOf } from "../manifest.ts";
import { openSource, sourceRecords } from "../open.ts";
import { sourceOptions } from "../options.ts";
import type { ReadRecord } from "../source.ts";
import { splitsByName } from "./splits.ts";

let folder = "";
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(files: Record<string, string | Buffer>, more: object = {}): Promise<ReadRecord[]> {
  folder = mkdtempSync(join(tmpdir(), "loam-hf-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, "set", path)), { recursive: true });
    writeFileSync(join(folder, "set", path), content);
  }
  const options = sourceOptions.parse({ huggingface: "set", ...more });
  try {
    const manifest = await manifestOf(options, { folder });
    const open = await openSource(options, folder);
    const out: ReadRecord[] = [];
    for (const entry of manifest.files) for await (const r of sourceRecords(open, options, entry)) out.push(r);
    return out;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const brief = (records: readonly ReadRecord[]) => records.map(r => (r.ok ? `${r.attributes.split}: ${r.text}` : `${r.place}! ${r.reason}`));
const card = (yaml: string) => `---\n${yaml}\n---\n\n# A data set\n`;
const lines = (...texts: string[]) => texts.map(text => `${JSON.stringify({ text })}\n`).join("");
const table = (texts: readonly string[], column = "text") =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: column, data: [...texts], type: "STRING" },
        { name: "label", data: texts.map((_, i) => i % 2), type: "INT32" },
      ],
    }),
  );

test("shards by their names: every split is read, each record says which", async () => {
  const files = {
    "data/train-00000-of-00002.parquet": table(["a", "b"]),
    "data/train-00001-of-00002.parquet": table(["c"]),
    "data/test-00000-of-00001.parquet": table(["d"]),
    "README.md": "no head here",
    "data/notes.txt": "not a shard",
  };
  expect(brief(await read(files))).toEqual(["test: d", "train: a", "train: b", "train: c"]);
  expect(brief(await read(files, { split: "test" }))).toEqual(["test: d"]);
  await expect(read(files, { split: ["train", "dev"] })).rejects.toThrow(
    'source.split: expected one of train, test, got "dev"'.replace("train, test", "test, train"),
  );
});

test("the card's configurations say which files; the default one is taken, another by name", async () => {
  const files = {
    "README.md": card(`configs:
- config_name: main
  default: true
  data_files:
  - split: train
    path: "texts/*.jsonl"
  - split: held
    path:
    - other/h.jsonl.gz
- config_name: small
  data_dir: little
`),
    "texts/a.jsonl": lines("a"),
    "texts/b.jsonl": lines("b"),
    "other/h.jsonl.gz": gzipSync(lines("h")),
    "little/train.csv": "text,n\nl,1\n",
    "data/train-00000-of-00001.jsonl": lines("not meant"),
  };
  expect(brief(await read(files))).toEqual(["held: h", "train: a", "train: b"]);
  expect(brief(await read(files, { config: "small" }))).toEqual(["train: l"]);
  await expect(read(files, { config: "large" })).rejects.toThrow('expected one of main, small, got "large"');
  const two = {
    ...files,
    "README.md": card("configs:\n- config_name: x\n  data_files: texts/a.jsonl\n- config_name: y\n  data_files: texts/b.jsonl"),
  };
  await expect(read(two)).rejects.toThrow("expected one of x, y, got none");
  expect(brief(await read(two, { config: "y" }))).toEqual(["train: b"]);
});

test("the text is the one field of texts, by the card or by the first file; where there are several all are named", async () => {
  expect(brief(await read({ "data/train-00000-of-00001.parquet": table(["a"], "sentence") }))).toEqual(["train: a"]);
  expect(brief(await read({ "train.jsonl": '{"body": "a", "n": 1}\n' }))).toEqual(["train: a"]);
  expect(brief(await read({ "train.jsonl": '{"url": "u", "content": "a"}\n' }))).toEqual(["train: a"]);
  const two = { "train.jsonl": '{"question": "q", "answer": "a", "n": 1}\n' };
  await expect(read(two)).rejects.toThrow(
    "expected the name of the text, one of question, answer, got no field; the data set has question, answer, n",
  );
  expect(brief(await read(two, { field: "{question}? {answer}." }))).toEqual(["train: q? a."]);
  const info = "dataset_info:\n  features:\n  - name: answer\n    dtype: string\n  - name: n\n    dtype: int64";
  expect(brief(await read({ ...two, "README.md": card(info) }))).toEqual(["train: a"]);
  await expect(read({ "train.csv": "a,b\n1,2\n" })).rejects.toThrow("one of a, b");
});

test("numbers of classes get the names that the card gives them", async () => {
  const info = `dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': neg
          '1': pos`;
  const records = await read({ "README.md": card(info), "data/train-00000-of-00001.parquet": table(["a", "b", "c"]) });
  expect(records.map(r => r.ok && r.attributes.label)).toEqual(["neg", "pos", "neg"]);
});

/** What `datasets` 5.2.0 (`get_data_patterns`) says of these folders. */
const golden: readonly (readonly [Readonly<Record<string, readonly string[]>>])[] = [
  [{ train: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], test: ["data/test-00000-of-00001.parquet"] }],
  [{ train: ["a.jsonl", "b.jsonl"] }],
  [{ train: ["train/a.txt"], validation: ["valid/b.txt"] }],
  [{ "odd.name": ["data/odd.name-00000-of-00001.parquet"] }],
  [{ train: ["train.jsonl"], validation: ["val.jsonl"], test: ["eval.jsonl"] }],
  [{ train: ["sub/train/deep/x.jsonl"], test: ["sub/test/y.jsonl"] }],
  [{ train: ["data/train-00000-of-00001-0123456789abcdef.parquet"] }],
  [{ train: ["training_set.csv"], test: ["evaluation-set.csv"] }],
  [{ train: ["constrain.csv", "latest.csv"] }],
  [{ train: ["en/train.jsonl"], test: ["de/test.jsonl"] }],
];

test.each(golden)("a folder is split as the library splits it: %j", want => {
  const paths = Object.values(want).flat().sort();
  const got: Record<string, string[]> = {};
  for (const { path, split } of splitsByName(paths)) got[split] = [...(got[split] ?? []), path];
  expect(got).toEqual(want);
});

test("files without shards are told by the words in their paths, and all are train where there are none", () => {
  const splits = (...paths: string[]) => splitsByName(paths).map(f => `${f.path} ${f.split}`);
  expect(splits("my-train.csv", "my_dev.csv", "testing/x.csv", "contest.csv")).toEqual([
    "my-train.csv train",
    "my_dev.csv validation",
    "testing/x.csv test",
  ]);
  expect(splits("a.jsonl", "b.jsonl", "c.csv")).toEqual(["a.jsonl train", "b.jsonl train"]);
  expect(splits("data/odd.name-00000-of-00001.parquet")).toEqual(["data/odd.name-00000-of-00001.parquet odd.name"]);
});

test("a card that cannot be read, a folder without data or no folder at all are said by name; bad records are set aside", async () => {
  await expect(read({ "README.md": card("configs: ["), "train.jsonl": lines("a") })).rejects.toMatchObject({ code: "data/dataset" });
  await expect(read({ "README.md": card("license: mit") })).rejects.toMatchObject({ code: "data/sourceEmpty" });
  await expect(manifestOf(sourceOptions.parse({ huggingface: "nowhere" }), { folder: tmpdir() })).rejects.toThrow(
    'expected a folder, got "nowhere"',
  );
  const broken = table(["a"]);
  expect(
    brief(await read({ "data/train-00000-of-00002.parquet": table(["b"]), "data/train-00001-of-00002.parquet": broken.subarray(0, 40) })),
  ).toEqual(["train: b", "data/train-00001-of-00002.parquet! parquet"]);
  expect(brief(await read({ "train.json": '{"text": "a"}\nno json\n{"text": "b"}\n' }))).toEqual([
    "train: a",
    "train.json:2! json",
    "train: b",
  ]);
  expect(() => sourceOptions.parse({ huggingface: "x", reader: "parquet" })).toThrow("say their reader");
  expect(() => sourceOptions.parse({ folder: "x", reader: "text", split: "train" })).toThrow("is for huggingface only");
});
