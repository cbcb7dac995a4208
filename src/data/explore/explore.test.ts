/** Laws of looking through documents: a list holds what the files hold, a search what a scan of every text finds, a history leads from the source to the text. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { check, random, sha256, silent } from "../../base/index.ts";
import type { ArtifactReader, Stage } from "../../store/index.ts";
import type { Document } from "../document.ts";
import { explain } from "../explain.ts";
import { dataPart } from "../part.ts";
import { noResources } from "../resources.ts";
import { documentsOptionsOf, documentsStage, identifySources, sourceStage } from "../stage.ts";
import { documentCatalog, documentSides } from "./catalog.ts";
import { documentClusters } from "./clusters.ts";
import { documentHistory } from "./history.ts";
import { type DocumentFilter, documentList } from "./list.ts";
import { indexAll, queryWords, searchedCatalog, searchOf, searchOn } from "./text-search.ts";
import { WordIndex } from "./word-index.ts";

const root = mkdtempSync(join(tmpdir(), "loam-explore-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An artifact whose files lie in a folder. */
function artifactIn(id: string, names: readonly string[]): ArtifactReader {
  const at = (name: string) => join(root, id, name);
  return {
    id,
    kind: "documents",
    digest: "",
    summary: {},
    files: names.map(name => ({ name, digest: sha256(name), sizeBytes: 0 })),
    read: async name => readFileSync(at(name)),
    async *stream(name) {
      yield readFileSync(at(name));
    },
    localPath: async name => at(name),
    runData: async () => undefined,
  };
}

async function made<I extends string>(
  id: string,
  stage: Stage<I>,
  inputs: Record<I, ArtifactReader>,
  raw: unknown,
): Promise<ArtifactReader> {
  const names: string[] = [];
  const write = async (name: string, data: string | Uint8Array | AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>) => {
    const parts: Buffer[] = [];
    if (typeof data === "string" || data instanceof Uint8Array) parts.push(Buffer.from(data));
    else for await (const p of data as Iterable<string | Uint8Array>) parts.push(Buffer.from(p));
    mkdirSync(dirname(join(root, id, name)), { recursive: true });
    writeFileSync(join(root, id, name), Buffer.concat(parts));
    names.push(name);
  };
  const options = check(stage.options, raw, stage.name);
  const output = { write, writeStream: write };
  const signal = new AbortController().signal;
  await stage.run({ inputs, options, output, runData: { write() {} }, progress: silent, signal, scratch: "" });
  return artifactIn(id, names);
}

const draw = random("explore");
const words = [
  "sun",
  "rain",
  "Ärger",
  "été",
  "Мир",
  "世界",
  "money",
  'so "quoted"',
  "back\\slash",
  "tab\tstop",
  "FREE",
  "\u212aelvin",
  "HAJ\u0130",
];
const texts = Array.from({ length: 120 }, (_, i) =>
  Array.from({ length: 1 + (i % 40) }, () => words[draw.below(words.length)]!).join(i % 7 === 0 ? "  \n" : " "),
);
mkdirSync(join(root, "texts"));
const lines = [
  ...texts.map((text, i) => ({ id: `n${i}`, text: `${text} ${i}`, label: i % 3 ? "ham" : "spam" })),
  { id: "mail", text: "Write to ann.smith@gmail.com about the money, and bring all of your friends along on that day", label: "ham" },
  { id: "short", text: "ben.jones@gmail.com", label: "ham" },
  ...["a", "b"].map(id => ({
    id: `copy-${id}`,
    text: `the same ten words stand here once and once again ${"and more ".repeat(9)}`,
    label: "spam",
  })),
];
writeFileSync(join(root, "texts/all.jsonl"), lines.map(l => `${JSON.stringify(l)}\n`).join(""));
const part = check(
  dataPart,
  {
    source: { folder: "texts", reader: "jsonl" },
    steps: ["clean", { length: { minWords: 5 } }, "private", { deduplicate: {} }],
    split: { heldOut: 0.2 },
  },
  "data.notes",
);
const source = await made("source", sourceStage({ folder: root }), {}, await identifySources(part, { folder: root }));
const options = await documentsOptionsOf("notes", part);
const artifact = await made("documents", documentsStage({ folder: root }), { source }, options);
const nothing = () => false;
const list = documentList(await documentCatalog(artifact, nothing));

type Stored = Document & { readonly side: string; readonly dropped?: { readonly step: string; readonly rule: string } };
const stored: Stored[] = documentSides.flatMap(side =>
  artifact.files.some(f => f.name === `${side}.jsonl`)
    ? readFileSync(join(root, "documents", `${side}.jsonl`), "utf8")
        .split("\n")
        .filter(Boolean)
        .map(l => ({ ...(JSON.parse(l) as Document), side }))
    : [],
);
const whole = async (filter: DocumentFilter) => {
  const ids: string[] = [];
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page: Awaited<ReturnType<typeof list.page>> = await list.page({ ...filter, cursor, limit: 17 });
    ids.push(...page.documents.map(d => d.id));
    cursor = page.next;
  }
  return ids;
};

test("pages together are all documents once, in the order of the files, whatever their size", async () => {
  expect(await whole({})).toEqual(stored.map(d => d.id));
  const page = await list.page({ limit: 3 });
  expect([page.count, page.searched, page.of, page.next]).toEqual([stored.length, stored.length, stored.length, 3]);
  const [first] = page.documents;
  expect(first).toMatchObject({
    id: stored[0]!.id,
    side: "train",
    source: stored[0]!.source,
    length: stored[0]!.text.length,
    reason: null,
  });
});

test("a filter takes what a look at every document takes, and a sort orders it", async () => {
  const reasonOf = (d: Stored) => (d.dropped ? `${d.dropped.step}/${d.dropped.rule}` : "");
  const is = (take: (d: Stored) => boolean) => stored.filter(take).map(d => d.id);
  expect(await whole({ side: "kept" })).toEqual(is(d => d.side !== "dropped"));
  expect(await whole({ side: "held-out" })).toEqual(is(d => d.side === "held-out"));
  expect(await whole({ reason: "length" })).toEqual(is(d => d.dropped?.step === "length"));
  expect(await whole({ reason: "length/min-words", label: "spam" })).toEqual(
    is(d => d.dropped?.rule === "min-words" && d.attributes.label === "spam"),
  );
  expect(await whole({ minLength: 40, maxLength: 90 })).toEqual(is(d => d.text.length >= 40 && d.text.length <= 90));
  const lengths = (await list.page({ sort: "length", descending: true, limit: 500 })).documents.map(d => d.length);
  expect(lengths).toEqual(stored.map(d => d.text.length).sort((a, b) => b - a));
  expect(new Set(await whole({ sort: "reason" })).size).toBe(stored.length);
  const edited = new Set(
    readFileSync(join(root, "documents/ledger.jsonl"), "utf8")
      .split("\n")
      .filter(l => l.includes('"edit"'))
      .map(l => (JSON.parse(l) as { document: string }).document),
  );
  expect(await whole({ edited: true })).toEqual(is(d => edited.has(d.id)));
  const { facets } = await list.page({ limit: 1 });
  expect(facets.find(f => f.name === "reason")!.values.find(v => v.value === "length/min-words")!.documents).toBe(
    stored.filter(d => reasonOf(d) === "length/min-words").length,
  );
});

test("a search finds the documents whose text holds every word, without regard to case, quoted words as a phrase", async () => {
  expect(queryWords(' "free money"  Été ')).toEqual(["free money", "été"]);
  const holds = (d: Stored, query: string) =>
    queryWords(query).every(w => d.text.toLowerCase().includes(w) || d.id.toLowerCase().includes(w));
  // what is masked is not found either, so documents with an address are looked at below
  const plain = stored.filter(d => !/@|short|mail/.test(d.text + d.id));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...words, "sun rain", '"sun rain"', "1", "мир", "ÄRGER", "kelvin", "haji", "no such"), {
        minLength: 1,
        maxLength: 3,
      }),
      async parts => {
        const query = parts.join(" ");
        const found = new Set(await whole({ text: query }));
        expect(plain.filter(d => found.has(d.id)).map(d => d.id)).toEqual(plain.filter(d => holds(d, query)).map(d => d.id));
      },
    ),
    { numRuns: 60 },
  );
});

/** All that a search finds, with an index of at most so many bytes or none. */
const foundRows = async (catalog: typeof list.catalog, query: string, mostIndexBytes?: number) => {
  const searched = searchedCatalog(catalog, mostIndexBytes);
  if (mostIndexBytes !== undefined) await indexAll(searched);
  const search = searchOf(searched, query);
  await searchOn(searched, search, () => false);
  expect(search.searched).toBe(catalog.count);
  return { rows: search.found, indexed: searched.index.rows };
};

test("an index finds what reading every text finds, also one that has no room for all documents", async () => {
  const part = fc.constantFrom(
    ...words,
    "su",
    "n",
    "un ra",
    '"sun rain"',
    '"n rai"',
    '" rain 1"',
    "мир",
    "quoted",
    "kelvin",
    "haji",
    "ben.jones",
    "notes:",
    "#n1",
    '"\t"',
    "no such",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 3 }), async parts => {
      const query = parts.join(" ");
      const read = await foundRows(list.catalog, query);
      const whole = await foundRows(list.catalog, query, 2 ** 27);
      const some = await foundRows(list.catalog, query, 6_000);
      expect([read.indexed, whole.indexed]).toEqual([0, list.catalog.count]);
      expect(some.indexed).toBeGreaterThan(0);
      expect(some.indexed).toBeLessThan(list.catalog.count);
      expect(whole.rows).toEqual(read.rows);
      expect(some.rows).toEqual(read.rows);
    }),
    { numRuns: 60 },
  );
});

test("of any texts an index answers which hold a word, and of a phrase none that holds it is left out", () => {
  const text = fc.array(fc.constantFrom("a", "b", "ab", "é", "İ", "Σ", "世", "😀", "\ud83d", " ", "\n", "\u00a0", "\u3000", '"'), {
    maxLength: 12,
  });
  const texts = fc.array(
    text.map(t => t.join("")),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(
      texts,
      text.map(t => t.join("")),
      (all, query) => {
        const [index, asked] = [new WordIndex(), queryWords(query)];
        for (const t of all) index.add([t]);
        const got = [...index.rowsWith(asked)];
        for (const [row, t] of all.entries()) {
          const holds = asked.every(w => t.toLowerCase().includes(w));
          if (got[row] !== 2) expect(got[row], JSON.stringify([t, asked])).toBe(Number(holds));
        }
        const isPlain = asked.every(w => !/[\t-\r ]/.test(w)) && !/\p{Surrogate}/u.test(query);
        for (const [row, t] of all.entries()) if (isPlain && !/\p{Surrogate}/u.test(t)) expect(got[row]).not.toBe(2);
      },
    ),
    { numRuns: 300 },
  );
});

test("postings of many documents and words come back as they went in", () => {
  const draw = random("postings");
  const index = new WordIndex();
  const rows = Array.from({ length: 5_000 }, (_, row) => [
    `w${draw.below(3_000)}w`,
    `w${draw.below(40)}w`,
    row % 1_999 === 0 ? "rare" : "often",
  ]);
  for (const row of rows) index.add([row.join(" "), "id"]);
  for (const word of ["w7w", "w39w", "w2999w", "rare", "often", "w1", "id"])
    expect([...index.rowsWith([word])], word).toEqual(rows.map(row => Number([...row, "id"].some(w => w.includes(word)))));
});

test("the second query of a catalogue makes the index, and the answers stay the same", async () => {
  const searched = searchedCatalog(list.catalog);
  const queries = ["sun", "rain", "money sun", "sun"];
  const found: number[][] = [];
  for (const query of queries) {
    const search = searchOf(searched, query);
    if (found.length === 0) expect(searched.making).toBeUndefined();
    await searchOn(searched, search, () => false);
    found.push(search.found);
    await searched.making;
  }
  expect(searched.index.rows).toBe(list.catalog.count);
  for (const [i, query] of queries.entries()) expect(found[i]).toEqual((await foundRows(list.catalog, query)).rows);
});

test("a search that is out of time answers what it has, and goes on where it was", async () => {
  const other = documentList(list.catalog);
  const first = await other.page({ text: "sun", limit: 100 }, 0);
  expect([first.searched, first.documents, first.next]).toEqual([0, [], 0]);
  const then = await other.page({ text: "sun", limit: 500 });
  expect(then.searched).toBe(then.of);
  expect(then.documents.map(d => d.id)).toEqual(await whole({ text: "sun" }));
});

test("private data of a document that was dropped before its step is neither found nor shown", async () => {
  const short = stored.find(d => d.text.includes("ben.jones"))!;
  expect(short).toMatchObject({ side: "dropped", dropped: { step: "length" } });
  expect(await whole({ text: "ben.jones" })).toEqual([]);
  const shown = (await list.page({ reason: "length", limit: 500 })).documents.find(d => d.id === short.id)!;
  expect(shown.text).not.toContain("ben.jones");
  const history = await historyOf("mail");
  expect(JSON.stringify(history)).not.toContain("ann.smith");
});

const named = [{ name: undefined, options: part.source! }];
const historyOf = async (id: string, folder = root) => {
  const story = await explain(artifact, stored.find(d => d.id.endsWith(`#${id}`) || d.id.endsWith(id))!.id);
  return documentHistory({ documents: artifact, source, sources: named, folder, resources: noResources }, story);
};

test("a history leads from the text of the source to the stored one, a difference a step that edited", async () => {
  const edited = stored.find(d => d.side !== "dropped" && /\n/.test(d.text))!;
  const { changes, missing } = await historyOf(edited.id);
  expect(missing).toBeNull();
  expect(changes.map(c => c.steps)).toEqual([["clean"]]);
  expect(changes[0]!.after).toBe(edited.text.length);
  expect(changes[0]!.before).toBeGreaterThan(changes[0]!.after);
  // an untouched document has no difference and needs no source
  const ledger = readFileSync(join(root, "documents/ledger.jsonl"), "utf8");
  const untouched = stored.find(d => !ledger.includes(`"document":"${d.id}"`))!;
  expect(await historyOf(untouched.id, join(root, "nowhere"))).toEqual({ changes: [], missing: null });
  // a source that is gone is named
  expect((await historyOf(edited.id, join(root, "nowhere"))).missing).toMatch(/cannot be read/);
});

test("copies are a group with the one that stays; what is erased is in no list and no group", async () => {
  const [cluster] = await documentClusters(artifact, nothing);
  expect([cluster!.size, cluster!.survivors.length, cluster!.steps]).toEqual([2, 1, ["deduplicate"]]);
  const gone = cluster!.survivors[0]!;
  expect((await documentClusters(artifact, id => id === gone)).flatMap(c => c.survivors)).not.toContain(gone);
  const without = documentList(await documentCatalog(artifact, id => id === gone));
  expect((await without.page({ limit: 500 })).documents.map(d => d.id)).toEqual(stored.map(d => d.id).filter(id => id !== gone));
  const found = (await without.page({ text: "same ten words", limit: 50 })).documents;
  expect(found.map(d => d.id)).not.toContain(gone);
  expect(found.length).toBe(1);
});
