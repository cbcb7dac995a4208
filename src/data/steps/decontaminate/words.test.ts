import fc from "fast-check";
import { expect, test } from "vitest";
import { contaminationForm, contaminationWords, wordPlaces } from "./words.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom("a", "B", " ", "é", "e\u0301", "ﬁ", "½", "ΟΔΟΣ", "İ", "ｗ", "漢", "한", "\u1112\u1161\u11ab", "’", "\n", "5"),
    maxLength: 40,
  }),
);

test("every word is found at its place: the words of the cut piece are that word", () => {
  fc.assert(
    fc.property(text, t => {
      const words = contaminationWords(contaminationForm(t));
      const places = wordPlaces(t);
      expect(places).toBeDefined();
      expect(places!.starts.length).toBe(words.length);
      for (let i = 1; i < words.length; i++) expect(places!.starts[i]).toBeGreaterThanOrEqual(places!.starts[i - 1]!);
      // What stands before a word and what follows it hold the other words.
      for (let i = 0; i < Math.min(words.length, 5); i++) {
        const piece = t.slice(places!.starts[i], places!.ends[i]);
        expect([...contaminationWords(contaminationForm(piece))]).toContain(words[i]);
      }
    }),
    { numRuns: 500 },
  );
});

test("case, punctuation, line breaks and compatibility forms do not tell words apart", () => {
  const plain = contaminationWords(contaminationForm("the first cafe\u0301 costs 5 euros"));
  for (const other of [
    "The FIRST café — costs: 5 euros!",
    "the\nﬁrst café costs ５ euros",
    "\u201cThe first\u201d caf\u00e9 costs 5 Euros",
  ])
    expect([...contaminationWords(contaminationForm(other))]).toEqual([...plain]);
});
