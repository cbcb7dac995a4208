import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type Foldable, foldsOf } from "./folds.ts";
import { partsOf, writeFolds } from "./parts.ts";

const single = (i: number, label: number): Foldable => ({ id: `t${i}`, group: `t${i}`, label, isMade: false });
/** Texts of unequal classes in groups of 1 to `most`; some groups mix classes, some texts were made of others. */
function grouped(seed: string, count: number, most: number): Foldable[] {
  const r = random(seed);
  const texts: Foldable[] = [];
  while (texts.length < count) {
    const group = `g${texts.length}`;
    const label = Math.min(2, r.below(5));
    for (let k = 1 + r.below(most); k > 0; k--)
      texts.push({ id: `t${texts.length}`, group, label: r.below(5) === 0 ? r.below(3) : label, isMade: k > 1 && r.below(6) === 0 });
  }
  return texts;
}
const drawn = [0, 1, 2, 3, 4].flatMap(seed =>
  [2, 5, 10].flatMap(folds => [1, 2].map(repeat => ({ texts: grouped(`texts ${seed}`, 300, 6), folds, repeat, seed }))),
);

describe("folds", () => {
  test("every text is in exactly one fold a repeat; what was made of another is in none", () => {
    for (const { texts, ...o } of drawn) {
      const ids = foldsOf(texts, o).flat();
      expect(ids.toSorted()).toEqual(
        texts
          .filter(t => !t.isMade)
          .map(t => t.id)
          .sort(),
      );
    }
  });

  test("a group never crosses: neither folds, nor a fold and what trains or selects beside it", () => {
    for (const { texts, ...o } of drawn) {
      const groupsIn = foldsOf(texts, o).map(ids => new Set(texts.filter(t => ids.includes(t.id)).map(t => t.group)));
      expect(groupsIn.reduce((n, g) => n + g.size, 0)).toBe(new Set(groupsIn.flatMap(g => [...g])).size);
      for (const ids of foldsOf(texts, o)) {
        const { train, validation, test: held } = partsOf(texts, new Set(ids), { validation: 0.2, seed: o.seed });
        const [a, b, c] = [train, validation, held].map(part => new Set(part.map(t => t.group)));
        expect(a!.size + b!.size + c!.size).toBe(new Set([...a!, ...b!, ...c!]).size);
        // what was made of a fold's text trains nothing either; all others have their part
        expect([...held, ...validation].filter(t => t.isMade)).toEqual([]);
        const lost = texts.filter(t => ![...train, ...validation, ...held].includes(t));
        expect(lost.every(t => t.isMade && (c!.has(t.group) || b!.has(t.group)))).toBe(true);
      }
    }
  });

  test("of groups of one text every class is within one of equal in each fold, and so are the folds", () => {
    for (const folds of [2, 3, 5, 10])
      for (let seed = 0; seed < 10; seed++) {
        const r = random(`single ${seed}`);
        const texts = Array.from({ length: 97 + seed }, (_, i) => single(i, Math.min(3, r.below(9))));
        const found = foldsOf(texts, { folds, repeat: 1, seed });
        const spread = (sizes: readonly number[]) => Math.max(...sizes) - Math.min(...sizes);
        expect(spread(found.map(ids => ids.length))).toBeLessThanOrEqual(1);
        for (let label = 0; label < 4; label++)
          expect(spread(found.map(ids => texts.filter(t => t.label === label && ids.includes(t.id)).length))).toBeLessThanOrEqual(1);
      }
  });

  test("of whole groups every class is within a large group of its share", () => {
    for (const { texts, ...o } of drawn.filter(d => d.folds < 10)) {
      const own = texts.filter(t => !t.isMade);
      for (const ids of foldsOf(texts, o))
        for (let label = 0; label < 3; label++) {
          const [all, held] = [own, own.filter(t => ids.includes(t.id))].map(part => part.filter(t => t.label === label).length);
          expect(Math.abs(held! - all! / o.folds)).toBeLessThanOrEqual(6);
        }
    }
  });

  test("another repeat and another seed draw other folds; the same ones draw the same, whatever the order of the texts", () => {
    const texts = grouped("order", 200, 4);
    const setsOf = (given: readonly Foldable[], repeat: number, seed: number) =>
      foldsOf(given, { folds: 5, repeat, seed }).map(ids => ids.toSorted());
    expect(setsOf(texts.toReversed(), 1, 1)).toEqual(setsOf(texts, 1, 1));
    expect(setsOf(texts, 2, 1)).not.toEqual(setsOf(texts, 1, 1));
    expect(setsOf(texts, 1, 2)).not.toEqual(setsOf(texts, 1, 1));
  });
});

test("a class that some fold would lack, and fewer groups than folds, are refused with their names", async () => {
  const output = { write: async () => {}, writeStream: async () => {} };
  const checked = { classes: ["ham", "spam", "odd"], least: { train: 2, validation: 1, test: 1 }, place: "documents-1: label" };
  const draw = (texts: readonly Foldable[], folds: number) =>
    writeFolds(output, texts, [], { folds, repeat: 1 }, { validation: 0.1, seed: 1 }, checked);
  const texts = [...Array.from({ length: 60 }, (_, i) => single(i, i % 2)), ...[60, 61, 62, 63].map(i => single(i, 2))];
  await expect(draw(texts, 5)).rejects.toThrow(
    /repeat 1, fold \d, (fold|training part): expected \d texts? of "odd" or more, got \d. Ask for fewer folds/,
  );
  await expect(draw(texts, 3)).resolves.toMatchObject({ folds: 3, documents: 64, groups: 64 });
  // one group of near-duplicates is in one fold, whatever its size
  const alike = texts.map(t => (t.label === 2 ? { ...t, group: "alike" } : t));
  await expect(draw(alike, 3)).rejects.toThrow(/of "odd" or more/);
  await expect(draw(texts.slice(0, 3), 5)).rejects.toThrow(/expected 5 groups of documents or more, one for each fold, got 3/);
});
