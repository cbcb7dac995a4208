import fc from "fast-check";
import { expect, test } from "vitest";
import { gopherRepetition } from "./repetition.ts";

const options = gopherRepetition.options.parse({});
const values = (text: string): Record<string, number> =>
  Object.fromEntries(
    gopherRepetition.apply({ id: "a", text, source: "s", attributes: {} }, options).verdicts!.map(v => [v.rule, v.value as number]),
  );

/** The paper's measures, written as they are said. Words here are runs of letters, which the word splitter leaves whole. */
function slowly(text: string): Record<string, number> {
  const length = [...text].length;
  const sizeOf = (s: string) => [...s].length;
  const share = (a: number, b: number) => (b === 0 ? 0 : a / b);
  const words = text.split(/\s+/u).filter(w => w !== "");
  const repeats = (parts: string[]) => {
    const again = parts.filter((p, i) => parts.indexOf(p) < i);
    return {
      parts: again.length / parts.length,
      characters: share(
        again.reduce((n, p) => n + sizeOf(p), 0),
        length,
      ),
    };
  };
  const lines = repeats(text.split(/\n+/u));
  const paragraphs = repeats(text.trim().split(/\n{2,}/u));
  const grams = (n: number) => words.slice(0, Math.max(0, words.length - n + 1)).map((_, i) => words.slice(i, i + n));
  const top = (n: number) => {
    const all = grams(n).map(g => g.join(" "));
    const often = all.map(g => all.filter(x => x === g).length);
    const most = Math.max(0, ...often);
    return most === 0 ? 0 : share(most * sizeOf(all[often.indexOf(most)]!), length);
  };
  const repeated = (n: number) => {
    const all = grams(n);
    const seen: string[] = [];
    let characters = 0;
    for (let i = 0; i < all.length; ) {
      const gram = all[i]!.join(" ");
      if (seen.includes(gram)) {
        characters += sizeOf(all[i]!.join(""));
        i += n;
      } else {
        seen.push(gram);
        i++;
      }
    }
    return share(characters, length);
  };
  return {
    characters: length,
    "repeated-paragraphs": paragraphs.parts,
    "repeated-paragraph-characters": paragraphs.characters,
    "repeated-lines": lines.parts,
    "repeated-line-characters": lines.characters,
    ...Object.fromEntries([2, 3, 4].map(n => [`top-${n}-gram`, top(n)])),
    ...Object.fromEntries([5, 6, 7, 8, 9, 10].map(n => [`repeated-${n}-grams`, repeated(n)])),
  };
}

const words = (vocabulary: readonly string[], most: number) =>
  fc
    .array(fc.tuple(fc.constantFrom(...vocabulary), fc.constantFrom(" ", " ", " ", "\n", "\n\n")), { maxLength: most })
    .map(list => list.flat().join(""));

for (const [name, text] of [
  ["two words", words(["ka", "lo"], 60)],
  ["four words", words(["ka", "lo", "mirto", "😀"], 120)],
  [
    "twenty words",
    words(
      Array.from("abcdefghijklmnopqrst", c => `${c}ukk`),
      160,
    ),
  ],
] as const)
  test(`${name} in any order: every measure equals the obvious way to take it`, () => {
    fc.assert(
      fc.property(text, t => {
        expect(values(t)).toEqual(slowly(t));
      }),
    );
  });

test("whole phrases repeated: every measure equals the obvious way to take it", () => {
  const phrase = fc.array(fc.constantFrom("one", "two", "six", "ten"), { minLength: 3, maxLength: 12 }).map(p => p.join(" "));
  const text = fc
    .tuple(phrase, fc.array(fc.tuple(fc.nat(3), phrase), { maxLength: 6 }))
    .map(([first, rest]) => rest.map(([n, p]) => `${`${first} `.repeat(n)}${p}`).join("\n"));
  fc.assert(
    fc.property(text, t => {
      expect(values(t)).toEqual(slowly(t));
    }),
  );
});

test("a text of one line said twice has half its lines and half its paragraphs again", () => {
  expect(values("a line\n\na line")).toMatchObject({
    "repeated-lines": 0.5,
    "repeated-paragraphs": 0.5,
    "repeated-line-characters": 6 / 14,
  });
});
