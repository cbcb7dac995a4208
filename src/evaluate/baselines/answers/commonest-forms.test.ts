import fc from "fast-check";
import { expect, test } from "vitest";
import { commonestForms } from "./commonest-forms.ts";

const pair = (input: string, answer: string) => ({ input, answer });

test("capitals of names, marks behind words and the sentence's own beginning and end are learnt from pairs", () => {
  const { rewrite, used } = commonestForms([
    pair("he met peter in rome", "He met Peter in Rome."),
    pair("then peter left rome", "Then Peter left Rome."),
    pair("however he stayed in rome with peter", "However, he stayed in Rome with Peter!"),
    pair("he did however stay", "He did, however, stay."),
  ]);
  expect(used).toBe(4);
  expect(rewrite("peter did however see rome")).toBe("Peter did, however, see Rome.");
  // never seen: as it is, but for the sentence's beginning and end
  expect(rewrite("xylophones sing")).toBe("Xylophones sing.");
  expect(rewrite("")).toBe("");
});

test("marks that stand alone belong to the word before them", () => {
  const { rewrite } = commonestForms([
    pair("he was late very late", "He was late -- very late."),
    pair("so was late bread", "So was late -- bread."),
  ]);
  expect(rewrite("she was late again")).toBe("She was late -- again.");
});

test("pairs whose words do not correspond teach nothing", () => {
  const { rewrite, used } = commonestForms([pair("a b c", "Something Else"), pair("", ".")]);
  expect(used).toBe(0);
  expect(rewrite("a b c")).toBe("a b c");
});

test("pairs that change nothing teach to change nothing", () => {
  const words = fc.array(fc.constantFrom("ab", "c", "dé", "x7"), { minLength: 2, maxLength: 8 }).map(w => w.join(" "));
  fc.assert(
    fc.property(fc.array(words, { minLength: 1 }), words, (texts, asked) => {
      expect(commonestForms(texts.map(t => pair(t, t))).rewrite(asked)).toBe(asked);
    }),
  );
});

test("what a table of words can know of accents it knows", () => {
  const { rewrite } = commonestForms([
    pair("un eleve a reve", "un élève a rêvé"),
    pair("l'eleve reve d'un ete", "l'élève rêve d'un été"),
    pair("un ete a ete un reve", "un été a été un rêve"),
  ]);
  expect(rewrite("un eleve a ete un reve")).toBe("un élève a été un rêve");
});
