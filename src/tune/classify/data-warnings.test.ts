import { expect, test } from "vitest";
import { type Random, random } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { type DroppedCopy, dataWarnings, droppedCopies, type WarningMaterial, warningKinds } from "./data-warnings.ts";
import type { DescribedExample } from "./examples.ts";

const classes = ["ham", "spam"];
const topics = [
  ["meeting", "report", "budget", "agenda", "review", "project", "minutes", "draft"],
  ["winner", "prize", "offer", "cash", "bonus", "deal", "cheap", "pills"],
];
/** Texts of 12 to 30 words, most of them common to both classes. */
function examples(r: Random, count: number, change: (e: DescribedExample, i: number) => DescribedExample = e => e): DescribedExample[] {
  return Array.from({ length: count }, (_, i) => {
    const label = r.below(2);
    const words = Array.from({ length: 12 + r.below(19) }, () =>
      r.uniform() < 0.2 ? topics[r.uniform() < 0.8 ? label : 1 - label]![r.below(8)]! : `w${r.below(400)}`,
    );
    const attributes = { label: classes[label]!, sender: `person ${r.below(80)}`, words: words.length };
    return change({ id: `d${i}`, text: words.join(" "), label, group: `d${i}`, isMade: false, attributes }, i);
  });
}
const material = (all: readonly DescribedExample[], more: Partial<WarningMaterial> = {}): WarningMaterial => ({
  classes,
  train: all.slice(0, Math.floor(all.length * 0.75)),
  test: all.slice(Math.floor(all.length * 0.75)),
  dropped: [],
  ignored: ["label"],
  allowNamed: false,
  ...more,
});
const kinds = (m: WarningMaterial) => dataWarnings(m).map(w => w.kind);

test("clean data has no warning, of 40 seeds", () => {
  for (let seed = 0; seed < 40; seed++) expect(kinds(material(examples(random(`clean ${seed}`), 400))), `${seed}`).toEqual([]);
});

test("a word that stands in every text of a class and in no other is named", () => {
  const planted = examples(random("token"), 400, e => (e.label === 1 ? { ...e, text: `${e.text} xq17` } : e));
  const [warning, ...more] = dataWarnings(material(planted));
  expect(warning).toMatchObject({ kind: "telling word", about: "xq17" });
  expect(warning!.message).toBe(
    'The word "xq17" is in 100 % of the texts of "spam" and in 0 % of the others: it alone decides the class. If it would not be there in use, remove it from the texts.',
  );
  expect(more).toEqual([]);
});

test("the label's name in 60 % of the texts of its class is named, and allowed where that is the task", () => {
  const r = random("named");
  const planted = examples(r, 400, e => (r.uniform() < 0.6 ? { ...e, text: `${classes[e.label]} ${e.text}` } : e));
  expect(dataWarnings(material(planted)).map(w => [w.kind, w.about])).toEqual([
    ["label in text", "ham"],
    ["label in text", "spam"],
  ]);
  expect(kinds(material(planted, { allowNamed: true }))).toEqual([]);
});

test("copies with opposite labels are named: those that deduplication dropped, and near-duplicates that were kept", () => {
  const all = examples(random("copies"), 400);
  const dropped: DroppedCopy[] = [
    { id: "x1", survivor: "d0", label: classes[1 - all[0]!.label] },
    { id: "x2", survivor: "d1", label: classes[all[1]!.label] },
    { id: "x3", survivor: "d2", label: undefined },
  ];
  const [warning, ...more] = dataWarnings(material(all, { dropped }));
  expect(warning).toMatchObject({ kind: "conflicting copies", about: "x1", message: expect.stringContaining("1 document was dropped") });
  expect(more).toEqual([]);
  const grouped = all.map((e, i) => (i < 6 ? { ...e, group: "g", label: i % 2 } : e));
  expect(dataWarnings(material(grouped))).toMatchObject([{ kind: "conflicting copies", about: "g" }]);
});

test("train and test texts of one document are named where the document tells the class, and not where it does not", () => {
  const r = random("document");
  const labelOf = Array.from({ length: 50 }, () => r.below(2));
  const of = (isTelling: boolean) =>
    examples(r, 400, e => {
      const chapter = r.below(50);
      const label = isTelling ? labelOf[chapter]! : e.label;
      return { ...e, label, attributes: { ...e.attributes, book: `book ${chapter}` } };
    });
  // labels of the book, so the words of the texts say less than it does
  const [warning, ...more] = dataWarnings(material(of(true)));
  expect(warning).toMatchObject({ kind: "shared value", about: "book" });
  expect(warning!.message).toMatch(
    /^\d+ % of the test texts share their value of "book" with training texts, .* 100 % of them\. .*together: \["book"\]/,
  );
  expect(more).toEqual([]);
  expect(kinds(material(of(false)))).toEqual([]);
});

test("kinds are told in their order, one class of few texts in none", () => {
  const planted = examples(random("few"), 60).map((e, i) => (i < 12 ? { ...e, label: 2, text: `${e.text} xq17 rare` } : e));
  expect(kinds(material(planted, { classes: [...classes, "rare"] }))).toEqual([]);
  expect(warningKinds[0]).toBe("telling word");
});

test("dropped copies are those that the ledger gives a survivor, with their own labels", async () => {
  const lines = (rows: readonly object[]) => rows.map(r => `${JSON.stringify(r)}\n`).join("");
  const document = (id: string, label?: string) => ({ id, source: "s", attributes: label === undefined ? {} : { label }, text: "t" });
  const files: Readonly<Record<string, string>> = {
    "ledger.jsonl": lines([
      { document: "a", step: "length", action: "drop", rule: "words", value: 1, threshold: 5 },
      { document: "b", step: "deduplicate", action: "drop", rule: "exact", value: 1, threshold: 1, survivor: "k" },
      { document: "c", step: "deduplicate", action: "keep", rule: "exact", value: 1, threshold: 1, survivor: "k" },
      { document: "d", step: "deduplicate", action: "drop", rule: "near-duplicate", value: 0.8, threshold: 0.7, survivor: "k" },
    ]),
    "dropped.jsonl": lines([document("a", "ham"), document("b", "spam"), document("d")]),
  };
  const artifact = (names: readonly string[]): ArtifactReader => ({
    id: "documents-1",
    kind: "documents",
    digest: "0",
    summary: {},
    files: names.map(name => ({ name, sizeBytes: files[name]!.length, digest: "" })),
    read: () => Promise.reject(new Error("not read whole")),
    localPath: () => Promise.reject(new Error("no path")),
    async *stream(name) {
      yield Buffer.from(files[name]!);
    },
  });
  const labelOf = ({ attributes }: { readonly attributes: Readonly<Record<string, unknown>> }) => attributes.label as string | undefined;
  expect(await droppedCopies(artifact(Object.keys(files)), labelOf)).toEqual([
    { id: "b", survivor: "k", label: "spam" },
    { id: "d", survivor: "k", label: undefined },
  ]);
  expect(await droppedCopies(artifact([]), labelOf)).toEqual([]);
});
