import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { runInMemory } from "../../plan/in-memory.ts";
import { repeats } from "./repeats.ts";
import { repeatParagraphs, textOfParagraphs } from "./units.ts";

const document = (id: string, text: string, group = "g"): Document => ({ id, text, source: id, attributes: { group } });
/** Texts after the step by id; undefined for what is dropped. */
async function run(documents: readonly Document[], options: unknown): Promise<Map<string, string | undefined>> {
  const found = await runInMemory(repeats.plan(repeats.options.parse(options)), documents);
  return new Map(
    documents
      .map((d, i) => {
        const { text, verdicts } = found[i] ?? {};
        return [d.id, verdicts?.some(v => !v.keep) ? undefined : (text ?? d.text)] as const;
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
const lines = { lines: { minDocuments: 2, minLength: 3 }, paragraphs: null };

test("a text taken apart and put together is the text", async () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b c", "", " ", "\t", "\r")), list => {
      const text = list.join("\n");
      expect(textOfParagraphs(repeatParagraphs(text))).toBe(text);
    }),
  );
});

test("lines that enough documents hold are cut but for the first by id; repeats within one document alone do not count", async () => {
  const documents = [
    document("b", "Sent from here\nown b\nown b"),
    document("a", "own a\n  Sent   from here\nSent from here"),
    document("c", "Sent from here"),
  ];
  expect(await run(documents, lines)).toEqual(
    new Map([
      ["a", "own a\n  Sent   from here"],
      ["b", "own b\nown b"],
      ["c", undefined],
    ]),
  );
  expect((await run(documents, { ...lines, keep: "none" })).get("a")).toBe("own a");
  expect((await run(documents, { ...lines, lines: { minDocuments: 4, minLength: 3 } })).get("b")).toBe(documents[0]!.text);
  expect((await run(documents, { ...lines, lines: { minDocuments: 2, minLength: 15 } })).get("b")).toBe(documents[0]!.text);
});

test("paragraphs are cut whole with the blank lines behind them", async () => {
  const footer = "one line\nand another";
  const documents = [document("a", `x\n\n${footer}\n\ny`), document("b", `p\n\n${footer}\n\n\nq`)];
  const got = await run(documents, { lines: null, paragraphs: { minDocuments: 2, minLength: 3 } });
  expect(got).toEqual(
    new Map([
      ["a", documents[0]!.text],
      ["b", "p\n\nq"],
    ]),
  );
});

test("within an attribute, what other values hold does not count", async () => {
  const documents = [document("a", "x\nfooter", "g1"), document("b", "y\nfooter", "g2"), document("c", "z\nfooter", "g2")];
  const got = await run(documents, { ...lines, within: { attribute: "group" } });
  expect([...got.values()]).toEqual(["x\nfooter", "y\nfooter", "z"]);
});

test("the edits say how many lines and paragraphs went", async () => {
  const documents = [document("a", "l\nx\n\np"), document("b", "l\ny\n\np")];
  const plan = repeats.plan(
    repeats.options.parse({ lines: { minDocuments: 2, minLength: 1 }, paragraphs: { minDocuments: 2, minLength: 1 } }),
  );
  expect(await runInMemory(plan, documents)).toEqual([
    {},
    {
      text: "y\n",
      edits: [
        { rule: "repeated-paragraph", value: 1 },
        { rule: "repeated-line", value: 1 },
      ],
    },
  ]);
});

test("what is cut is what the definition says, in any order of reading", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const draw = random(seed);
    const documents = Array.from({ length: 25 }, (_, i) =>
      document(`d${String(i).padStart(2, "0")}`, Array.from({ length: 1 + draw.below(6) }, () => `line ${draw.below(30)}`).join("\n")),
    );
    const minDocuments = 3;
    const seen = new Set<string>();
    const expected = documents.map(d => {
      const left = d.text.split("\n").filter(line => {
        const holders = documents.filter(x => x.text.split("\n").includes(line)).length;
        if (holders < minDocuments) return true;
        const isFirst = !seen.has(line);
        seen.add(line);
        return isFirst;
      });
      return [d.id, left.length === 0 ? undefined : left.join("\n")] as const;
    });
    const o = { lines: { minDocuments, minLength: 1 }, paragraphs: null };
    expect(await run(documents, o), `seed ${seed}`).toEqual(new Map(expected));
    const shuffled = [...draw.permutation(documents.length)].map(i => documents[i]!);
    expect(await run(shuffled, o), `seed ${seed}, shuffled`).toEqual(new Map(expected));
  }
});

test("a step that could cut nothing is refused", async () => {
  expect(() => repeats.options.parse({ lines: null, paragraphs: null })).toThrow();
  expect(() => repeats.options.parse({ lines: { minDocuments: 1 } })).toThrow();
});
