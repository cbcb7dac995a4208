import { describe, expect, test } from "vitest";
import { check } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { isValidation, readExamples, readTest } from "./examples.ts";
import { costOptions, labelOptions } from "./options.ts";

interface Row {
  readonly text: string;
  readonly label?: string | number | boolean;
  readonly cluster?: string;
  readonly split?: string;
}
const documents = (train: readonly Row[], heldOut: readonly Row[] = [], summary = {}): ArtifactReader => ({
  id: "documents-1",
  kind: "documents",
  digest: "0",
  summary,
  files: [],
  read: () => Promise.reject(new Error("not read whole")),
  localPath: () => Promise.reject(new Error("no path")),
  async *stream(name) {
    for (const [i, { text, ...attributes }] of (name === "train.jsonl" ? train : heldOut).entries())
      yield Buffer.from(`${JSON.stringify({ id: `d${i}`, source: "s", attributes, text })}\n`);
  },
});
const some = (label: string | number | boolean, count: number, text = "words of it"): Row[] =>
  Array.from({ length: count }, (_, i) => ({ label, text: `${text} ${i}` }));
const drawn = { validation: 0.1, seed: 1 };
const options = { ...labelOptions.parse({}), ...drawn };

describe("labelled texts", () => {
  const refused = async (train: readonly Row[], message: string | RegExp, more: object = {}, summary = {}) =>
    expect(readExamples(documents(train, [], summary), labelOptions.parse(more))).rejects.toThrow(message);

  test("one class only", () => refused(some("ham", 50), 'two classes or more, got one: "ham" (50)'));
  test("three rows", () => refused([...some("ham", 2), ...some("spam", 1)], /train part: expected at least 2 texts of every class/));
  test("classes that differ in case or spaces, with what to write", () =>
    refused(
      [...some("spam", 30), ...some("Spam ", 3), ...some("ham", 30)],
      'got "spam" (30), "Spam " (3). Say which values mean a class: classes: { "spam": ["spam", "Spam "], "ham": ["ham"] }; or let the source write them one way: attributes: { "label": { field: "label", case: lower } }',
    ));
  test("what to write for classes is taken: pasted into the recipe it reads every text", async () => {
    const train = [...some("late ", 3), ...some("Late", 30), ...some("a  b", 20), ...some("A b", 20)];
    const said = await readExamples(documents(train), options).catch(e => (e as Error).message);
    const classes = /classes: (\{.*?\});/.exec(said as string)![1]!;
    const read = await readExamples(documents(train), labelOptions.parse({ classes: JSON.parse(classes) }));
    expect(read.classes).toEqual(["Late", "a b"]);
    expect(read).toMatchObject({ leftOut: 0 });
    expect(read.train.length + read.validation.length).toBe(73);
  });
  test("a text of white space, by its id", () =>
    refused([{ label: "ham", text: " \n" }, ...some("spam", 30)], "documents-1/train: d0: expected a text, got nothing but white space"));
  test("no such attribute: those that there are", () => refused(some("ham", 9), /got 9 without; they have label/, { label: "genre" }));
  test("a hundred thousand classes", () =>
    refused(
      Array.from({ length: 1200 }, (_, i) => ({ label: `c${i}`, text: "t" })),
      /at most 1,000 classes, got 1,200/,
    ));
  test("texts that say their class, unless that is the task", async () => {
    const train = [...some("spam", 40, "label: spam buy now"), ...some("ham", 40)];
    const about = [...some("refund", 25, "a refund please"), ...some("refund", 15, "my money back"), ...some("praise", 40)];
    await expect(readExamples(documents(about), options)).resolves.toMatchObject({ classes: ["praise", "refund"] });
    await refused(train, /texts that do not say their class, got "spam" in \d+ of its \d+ texts/);
    await expect(readExamples(documents(train), labelOptions.parse({ allowNamed: true }))).resolves.toMatchObject({
      classes: ["ham", "spam"],
    });
  });
  test("near-duplicates on both sides of the split", () =>
    refused([...some("spam", 40), ...some("ham", 40)], /near-duplicates on one side of the split, got 3 documents/, {}, { crossing: 3 }));
  test("a held-out side without a class, with how to hold out a share of each", () =>
    expect(readTest(documents([], some("ham", 3)), options, ["ham", "spam"])).rejects.toThrow(
      /test part: expected at least 1 text of every class, got "spam" \(0\) of 3 texts\. Give more texts, hold out .*split: \{ stratify: "label" \}/,
    ));
  test("a test class that nothing was trained on", () =>
    expect(readTest(documents([], some("news", 3)), options, ["ham", "spam"])).rejects.toThrow(
      /a class of the train side: ham, spam, got "news"/,
    ));

  test("values may stand for a class, and other documents are counted", async () => {
    const train = [...some("spam", 30), ...some("SPAM", 30), ...some("ham", 60), ...some("draft", 4), { text: "none" }];
    const read = await readExamples(documents(train), labelOptions.parse({ classes: { bad: ["spam", "SPAM"], good: "ham" } }));
    expect(read.classes).toEqual(["bad", "good"]);
    expect(read.leftOut).toBe(5);
    expect(read.train.length + read.validation.length).toBe(120);
  });

  test("a class that no document has", () =>
    refused(
      [...some("ham", 30), ...some("spam", 30), ...some("news", 30)],
      'texts of the class "n", got none whose value is "newz" or "nws"',
      {
        classes: { s: "spam", h: ["ham", "Ham"], n: ["newz", "nws"] },
      },
    ));

  test("classes that are numbers, or true and false, are meant by numbers too", async () => {
    const train = [...some(1, 30), ...some("2", 30), ...some(true, 30)];
    const { classes, leftOut } = await readExamples(documents(train), labelOptions.parse({ classes: { one: 1, two: [2], yes: true } }));
    expect([classes, leftOut]).toEqual([["one", "two", "yes"], 0]);
    expect(costOptions.parse({ positive: 4, falsePositive: 1, falseNegative: 2 }).positive).toBe("4");
    expect(() => check(labelOptions, { classes: { one: [{}] } }, "tune")).toThrow("tune: classes.one[0]: expected a class: a text");
  });

  test("a group is never on both sides of validation, whatever else there is, and the share is about what was asked", async () => {
    const train = Array.from({ length: 600 }, (_, i) => ({ label: i % 2 ? "ham" : "spam", text: `t ${i}`, cluster: `g${i % 200}` }));
    const { train: left, validation } = await readExamples(documents(train), options);
    const groups = new Set(validation.map(e => e.group));
    expect(left.some(e => groups.has(e.group))).toBe(false);
    expect(validation.length / 600).toBeGreaterThan(0.04);
    expect(validation.length / 600).toBeLessThan(0.18);
    for (const e of validation) expect(isValidation(e.group, options)).toBe(true);
  });

  test("a user's own validation part selects and trains nothing, what was made of it neither", async () => {
    const part = (i: number) => (i % 5 === 0 ? "dev" : "train");
    const train = Array.from({ length: 200 }, (_, i) => ({
      label: i % 2 ? "ham" : "spam",
      text: `t ${i}`,
      split: part(i),
      ...(i % 50 === 0 ? { augmentedFrom: `d${i + 5}` } : {}),
    }));
    const own = labelOptions.parse({ validation: { split: "dev" } });
    const parts = await readExamples(documents(train), own);
    expect(parts.validation.map(e => e.id)).toEqual(train.flatMap((_, i) => (i % 5 === 0 && i % 50 !== 0 ? [`d${i}`] : [])));
    expect(parts.train.map(e => e.id)).toEqual(train.flatMap((_, i) => (i % 5 === 0 ? [] : [`d${i}`])));
    const validation = (v: object) => readExamples(documents(train), labelOptions.parse({ validation: v }));
    await expect(validation({ split: "devel" })).rejects.toThrow(
      /validation: .*"split" is "devel", got none; its values are "dev" \(40\), "train"/,
    );
    await expect(validation({ part: "dev" })).rejects.toThrow(/with the attribute "part", got none of 200; they have .*split/);
    await expect(validation({ split: ["dev", "train"] })).rejects.toThrow("got none: all 200 are of this part");
    const near = train.map((r, i) => (i === 10 || i === 11 ? { ...r, cluster: "d10" } : r));
    await expect(readExamples(documents(near), own)).rejects.toThrow("got 1 validation records with one that trains");
    const allowed = await readExamples(documents(near), { ...own, allowCrossing: true });
    expect(allowed.validation).toHaveLength(parts.validation.length);
  });

  test("a rare class always selects too, by one group, and no other group moves for it", async () => {
    const common = some("ham", 300).map((r, i) => ({ ...r, cluster: `h${i}` }));
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);
    let given = 0;
    for (const seed of seeds) {
      const rare = Array.from({ length: 6 }, (_, i) => ({
        label: "law",
        text: `words of it ${i}`,
        cluster: `r${Math.floor(i / 2)}-${seed}`,
      }));
      const o = { ...options, seed };
      const { train, validation, classes } = await readExamples(documents([...common, ...rare]), o);
      const law = classes.indexOf("law");
      const groups = new Set(validation.filter(e => e.label === law).map(e => e.group));
      expect(groups.size).toBeGreaterThan(0);
      expect(train.some(e => groups.has(e.group))).toBe(false);
      for (const e of validation.filter(e => e.label !== law)) expect(isValidation(e.group, o)).toBe(true);
      for (const e of train.filter(e => e.label !== law)) expect(isValidation(e.group, o)).toBe(false);
      if ([...groups].every(g => !isValidation(g, o))) {
        expect(groups.size).toBe(1);
        given++;
      }
    }
    expect(given).toBeGreaterThan(10);
  });

  test("a class is not emptied for the validation part: what is too rare for both is refused", () =>
    refused([...some("ham", 60), ...some("law", 2).map(r => ({ ...r, cluster: "one" }))], /validation part: .* got "law" \(0\)/, {
      seed: 2,
    }));
});
