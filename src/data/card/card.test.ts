import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import type { Document } from "../document.ts";
import { memoryArtifact } from "../export/artifact.laws.ts";
import { exportDocuments } from "../export/export.ts";
import { type CardRecord, dataCard } from "./card.ts";
import { artifactAsExport, cardFiles } from "./files.ts";
import { sizeCategory } from "./front-matter.ts";
import { hubLicence, licenceUrl } from "./licence.ts";
import { dataCardMarkdown } from "./markdown.ts";
import { type CardPart, cardPart, noCard } from "./part.ts";
import { ownFacts } from "./source-facts.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-card-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const document = (n: number, attributes: Document["attributes"] = {}): Document => ({
  id: `set:${n}`,
  text: `text number ${n}`,
  source: `a/${n}.txt`,
  attributes,
});
const step = (position: number, name: string, more: object = {}) => ({
  position,
  step: name,
  version: 1,
  kind: "document",
  options: {},
  seen: 9,
  dropped: 0,
  edited: 0,
  spared: 0,
  ...more,
});
const record: CardRecord = {
  name: "set",
  createdMs: Date.UTC(2031, 1, 2),
  options: {
    split: { by: "near-duplicate", seed: 7, near: { threshold: 0.7, shortWords: 60 } },
    keep: ["set:1"],
    forget: ["set:8", "set:9"],
  },
  sources: [{ origin: "texts", files: 12, sizeBytes: 3400 }],
};
const secret = "anna.muster@posteo.de";
const artifact = () =>
  memoryArtifact({
    train: [
      document(1, { language: "en", label: "a|b<i>", from: secret, group: secret }),
      document(2, { language: "en", label: "a|b<i>", group: secret }),
    ],
    heldOut: [document(3, { language: "de", label: secret })],
    dropped: [
      {
        ...document(4, { language: "de", label: secret }),
        dropped: { step: "deduplicate", rule: "near-duplicate", value: 0.9, threshold: 0.7, survivor: "set:1" },
      },
      { ...document(5), dropped: { step: "private", rule: "email", value: 3, threshold: 0 } },
    ],
    ledger: [
      { document: "set:1", step: "private", action: "edit", rule: "email", value: 2 },
      { document: "set:2", step: "private", action: "edit", rule: "email", value: 1 },
      { document: "set:2", step: "private", action: "edit", rule: "national-id", value: 1 },
      { document: "set:4", step: "deduplicate", action: "drop", rule: "near-duplicate", value: 0.9, threshold: 0.7, survivor: "set:1" },
      { document: "set:5", step: "private", action: "drop", rule: "email", value: 3, threshold: 0 },
    ],
    setAside: [{ place: "a/6.txt", reason: "binary", message: "a NUL byte" }],
    steps: [
      step(0, "private", {
        edited: 2,
        dropped: 1,
        options: { policy: { email: "mask", nationalId: "surrogate", name: "mask" }, seed: "open sesame 1" },
      }),
      step(1, "deduplicate", { seen: 5, dropped: 1, options: { fuzzy: true } }),
    ],
    summary: { crossing: 0, trainBytes: 26, heldOutBytes: 13 },
  });

test("a card counts what was found and never says it: no value of private data, no text, no seed of surrogates", async () => {
  const card = await dataCard(artifact(), record, noCard);
  expect(card.privateData).toEqual({
    isSearched: true,
    policy: { email: "mask", nationalId: "surrogate", name: "mask" },
    found: [
      { type: "email", documents: 2, times: 3 },
      { type: "national-id", documents: 1, times: 1 },
    ],
  });
  // Without a step that masks, a kind that looks private is not named.
  const open = await dataCard(
    memoryArtifact({ train: [1, 2].flatMap(n => [document(n, { label: secret }), document(n + 2, { label: "a|b<i>" })]), steps: [] }),
    record,
    noCard,
  );
  expect(open.kinds.find(k => k.name === "label")).toEqual({
    name: "label",
    values: [expect.objectContaining({ value: "a|b<i>", train: 2 })],
    others: 1,
  });
  for (const text of cardFiles(card, artifactAsExport(artifact())).values())
    for (const hidden of [secret, "anna", "text number", "open sesame"]) expect(text).not.toContain(hidden);
  const page = dataCardMarkdown(card);
  expect(page).toContain("| national-id | 1 | 1 | surrogate |");
  expect(page).toContain("a\\|b\\<i\\>");
});

test("numbers of a card are the artifact's", async () => {
  const card = await dataCard(artifact(), record, noCard);
  expect(card.funnel.map(r => [r.what, r.documents])).toEqual([
    ["read", 6],
    ["set aside", 1],
    ["step", 4],
    ["step", 3],
    ["kept", 3],
    ["train", 2],
    ["held-out", 1],
  ]);
  expect(card.languages).toMatchObject({
    from: "documents",
    values: [
      { value: "de", heldOut: 1, dropped: 1 },
      { value: "en", train: 2 },
    ],
  });
  expect(card.duplicates).toEqual({ dropped: [{ reason: "deduplicate/near-duplicate", documents: 1 }], clusters: 1 });
  expect(card).toMatchObject({
    made: "2031-02-02T00:00:00.000Z",
    keptByName: 1,
    forgotten: 2,
    split: { seed: "7", leakage: { crossing: 0, threshold: 0.7, shortWords: 60 } },
  });
  expect(dataCardMarkdown(card)).toContain(
    "similarity 0.7 or more (word 5-grams; texts of at most 60 words also by single words; every pair counted).",
  );
  expect(dataCardMarkdown(card)).toContain("2 documents were forgotten on request, with all text");
});

test("gaps are what is not there, and go when it is", async () => {
  const bare = await dataCard(memoryArtifact({ train: [document(1)], steps: [] }), { ...record, options: {} }, noCard);
  for (const gap of [
    "No licence is named",
    "Private data and secrets were not looked for",
    "Copies were not looked for",
    "Languages were not determined",
    "No documents are held out",
    "contamination",
  ])
    expect(bare.gaps.join("\n")).toContain(gap);
  const said: CardPart = cardPart.parse({
    licence: "CC0-1.0",
    contact: "ask@example.org",
    language: ["en", "de"],
    gaps: ["Only letters from one valley."],
  });
  const full = await dataCard(artifact(), { ...record, sources: [{ origin: "texts", licence: "CC0-1.0" }] }, said);
  expect(full.gaps).toEqual([
    expect.stringContaining("Names of people and places"),
    expect.stringContaining("contamination"),
    expect.stringContaining("No model judged"),
    "1 record could not be read and is no part of it.",
    "Only letters from one valley.",
  ]);
});

test("Croissant and the hub's head name exactly the files that were written, with their hashes, splits and columns", async () => {
  for (const format of ["huggingface", "jsonl", "parquet"] as const) {
    const said = cardPart.parse({
      title: "A set: of letters",
      licence: "CC-BY-4.0",
      creator: "Anna",
      language: "en",
      citation: "See ```here```",
    });
    let files = new Map<string, string>();
    const exported = await exportDocuments(artifact(), {
      to: join(folder, format),
      format,
      dropped: true,
      shardBytes: 10,
      protect: [],
      extras: async e => {
        files = cardFiles(await dataCard(artifact(), record, said), e);
        return files;
      },
    });
    const meta = JSON.parse(files.get("croissant.json")!) as {
      distribution: { "@id": string; sha256: string }[];
      recordSet: { field: { "@id": string; source: { fileObject: { "@id": string }; extract: { column: string } } }[] }[];
      license: string;
    };
    expect(meta.distribution.map(d => [d["@id"], d.sha256])).toEqual(exported.files.map(f => [f.path, f.sha256]));
    const named = new Set(meta.distribution.map(d => d["@id"]));
    const fields = meta.recordSet.flatMap(r => r.field);
    expect(fields.every(f => named.has(f.source.fileObject["@id"]))).toBe(true);
    expect(new Set(fields.map(f => f["@id"])).size).toBe(fields.length);
    expect(meta.license).toBe("https://spdx.org/licenses/CC-BY-4.0.html");

    const head = parse(files.get("README.md")!.split("---\n")[1]!) as {
      license: string;
      pretty_name: string;
      configs: { config_name: string; data_files: { split: string; path: string }[] }[];
      dataset_info: { features: { name: string }[]; splits: { name: string; num_examples: number }[] }[];
    };
    expect([head.license, head.pretty_name]).toEqual(["cc-by-4.0", "A set: of letters"]);
    const matches = (pattern: string) => (path: string) =>
      pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
    for (const { data_files } of head.configs)
      for (const { split, path } of data_files)
        expect(exported.files.map(f => f.path).filter(matches(path))).toEqual(
          exported.files.filter(f => f.split === split).map(f => f.path),
        );
    expect(head.dataset_info.map(i => i.splits.map(s => [s.name, s.num_examples]))).toEqual([
      [
        ["train", 2],
        ["test", 1],
      ],
      [["dropped", 2]],
    ]);
    expect(head.dataset_info[0]!.features.map(f => f.name)).toEqual(exported.tables[0]!.columns.map(c => c.name));
  }
});

test("a source's licence is what the source itself says, looked up and never guessed", () => {
  mkdirSync(join(folder, "node_modules/@x/set"), { recursive: true });
  writeFileSync(
    join(folder, "node_modules/@x/set/package.json"),
    JSON.stringify({
      name: "@x/set",
      version: "1.2.0",
      license: "ODbL-1.0",
      author: `Anna <${secret}>`,
      repository: { url: "git+https://x.org/set.git" },
    }),
  );
  expect(ownFacts({ npm: "@x/set", reader: "jsonl" }, folder)).toEqual({
    origin: "@x/set@1.2.0",
    reader: "jsonl",
    licence: "ODbL-1.0",
    author: "Anna",
    url: "https://x.org/set",
  });
  mkdirSync(join(folder, "texts"));
  expect(ownFacts({ folder: "texts" }, folder)).toEqual({ origin: "texts" });
  writeFileSync(join(folder, "texts/LICENSE.txt"), "as you like");
  expect(ownFacts({ folder: "texts" }, folder)).toEqual({ origin: "texts", licence: "see LICENSE.txt" });
  writeFileSync(join(folder, "texts/README.md"), "---\nlicense: cc-by-4.0\n---\n# Texts\n");
  expect(ownFacts({ huggingface: "texts" }, folder)).toEqual({ origin: "texts", licence: "cc-by-4.0" });
  expect(ownFacts({ npm: "@x/none" }, folder)).toEqual({ origin: "@x/none" });
  expect(ownFacts({ s3: "s3://bucket/x?endpoint=http://10.0.0.1" }, folder)).toEqual({ origin: "s3://bucket/x" });
  expect(ownFacts({ sql: { postgres: "postgres://host/db" }, query: "select 1" }, folder)).toEqual({ origin: "a query on postgres" });
});

test("licences are written as each reader knows them", () => {
  expect(["Apache-2.0", "GPL-3.0-or-later", "ODbL-1.0", "ODC-By-1.0"].map(l => hubLicence(l).license)).toEqual([
    "apache-2.0",
    "gpl-3.0",
    "odbl",
    "odc-by",
  ]);
  expect(hubLicence("Our Own, see below")).toEqual({ license: "other", license_name: "our-own-see-below" });
  expect(hubLicence("https://x.org/terms")).toEqual({ license: "other", license_name: "own", license_link: "https://x.org/terms" });
  expect([licenceUrl("MIT"), licenceUrl("our own"), licenceUrl("CC0-1.0")]).toEqual([
    "https://spdx.org/licenses/MIT.html",
    "our own",
    "https://spdx.org/licenses/CC0-1.0.html",
  ]);
});

test("a catalogue is told the languages that are more than strays, the table has all", async () => {
  const train = Array.from({ length: 300 }, (_, i) => document(i, { language: i < 2 ? "yo" : i < 12 ? "und" : i < 40 ? "fr" : "en" }));
  const card = await dataCard(memoryArtifact({ train, steps: [] }), record, noCard);
  expect(card.languages.values.map(v => v.value)).toEqual(["en", "fr", "und", "yo"]);
  const files = cardFiles(card, artifactAsExport(memoryArtifact({ train, steps: [] })));
  expect((parse(files.get("README.md")!.split("---\n")[1]!) as { language: string[] }).language).toEqual(["en", "fr"]);
  expect((JSON.parse(files.get("croissant.json")!) as { inLanguage: string[] }).inLanguage).toEqual(["en", "fr"]);
});

test("classes of size are the hub's", () => {
  expect([0, 999, 1000, 9_999, 10_000, 999_999, 1e6, 5e9, 1e12].map(sizeCategory)).toEqual([
    "n<1K",
    "n<1K",
    "1K<n<10K",
    "1K<n<10K",
    "10K<n<100K",
    "100K<n<1M",
    "1M<n<10M",
    "1B<n<10B",
    "n>1T",
  ]);
});

test("the card's part of the project refuses what it does not know, and asks for nothing", () => {
  expect(cardPart.parse({})).toEqual({ gaps: [] });
  expect(() => cardPart.parse({ license: "MIT" })).toThrow();
  expect(() => cardPart.parse({ url: "no address" })).toThrow();
});
