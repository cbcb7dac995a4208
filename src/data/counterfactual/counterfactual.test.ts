/** Counterfactual rewriting: grammar by rules, one person one name, nothing else changes, and back again where a swap has a way back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { pluralVerb } from "./pronouns.ts";
import { counterfactualRewriter, nameGroup } from "./rewrite.ts";
import { firstNames, genderedNouns, identityClasses } from "./terms.ts";
import { wordTokens } from "./tokens.ts";

const pronouns = (text: string) => counterfactualRewriter(["pronouns"], "s")(text).text;
const they = (text: string) => counterfactualRewriter(["pronouns"], "s", "they")(text).text;

test.each([
  ["He took his bag.", "She took her bag."],
  ["She took her bag.", "He took his bag."],
  ["I saw her.", "I saw him."],
  ["I saw her yesterday.", "I saw him yesterday."],
  ["I saw her in the yard.", "I saw him in the yard."],
  ["We told her that it rains.", "We told him that it rains."],
  ["It made her cry.", "It made him cry."],
  ["I met her old friend.", "I met his old friend."],
  ["The bag is hers.", "The bag is his."],
  ["The bag is his.", "The bag is hers."],
  ["It was his, not mine.", "It was hers, not mine."],
  ["He hurt himself.", "She hurt herself."],
  ["HE SAID IT", "SHE SAID IT"],
  ["He's late, and she'll wait for him.", "She's late, and he'll wait for her."],
  ["His 3 cars", "Her 3 cars"],
  ["My father met the waitress.", "My mother met the waiter."],
  ["Ask her@example.com about her.", "Ask her@example.com about him."],
])("pronouns: %s", (text, expected) => {
  expect(pronouns(text)).toBe(expected);
});

test.each([
  ["She is here and she has gone.", "They are here and they have gone."],
  ["He often walks his dog.", "They often walk their dog."],
  ["He's late; he's been away.", "They're late; they've been away."],
  ["Is she ready? Does he know her?", "Are they ready? Do they know them?"],
  ["She tries, he watches, she passes.", "They try, they watch, they pass."],
  ["He saw himself. The bag is hers.", "They saw themself. The bag is theirs."],
])("they: %s", (text, expected) => {
  expect(they(text)).toBe(expected);
});

test("a verb of the third person loses its ending, another one stays", () => {
  expect(["goes", "flies", "dies", "kisses", "was", "can", "miss"].map(pluralVerb)).toEqual([
    "go",
    "fly",
    "die",
    "kiss",
    "were",
    "can",
    "miss",
  ]);
});

const subject = fc.constantFrom("He", "She");
const verb = fc.constantFrom("took", "sold", "painted");
const noun = fc.constantFrom("bag", "red car", "7 books", "old friend");
const end = fc.constantFrom(".", " today.", " in May.", "!");
const sentence = fc.oneof(
  fc.tuple(subject, verb, fc.constantFrom("his", "her"), noun, end).map(([s, v, p, n, e]) => `${s} ${v} ${p} ${n}${e}`),
  fc.tuple(fc.constantFrom("They saw", "We asked"), fc.constantFrom("him", "her"), end).map(([v, p, e]) => `${v} ${p}${e}`),
  fc.tuple(fc.constantFrom("father", "girl", "wife", "king"), verb, noun, end).map(([m, v, n, e]) => `The ${m} ${v} the ${n}${e}`),
);

test("a swap of genders and back is the text as it was", () => {
  fc.assert(
    fc.property(fc.array(sentence, { minLength: 1, maxLength: 5 }), list => {
      const text = list.join(" ");
      const once = pronouns(text);
      expect(once).not.toBe(text);
      expect(pronouns(once)).toBe(text);
    }),
    { numRuns: 200 },
  );
});

test("whatever the text: words make it up again, the same seed gives the same, and no change is counted that was not made", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), fc.array(sentence, { maxLength: 2 }), fc.integer(), (noise, list, seed) => {
      const text = `${noise} ${list.join(noise)}`;
      expect(
        wordTokens(text)
          .map(t => t.text)
          .join(""),
      ).toBe(text);
      const made = counterfactualRewriter(["names", "pronouns", "identity"], `${seed}`)(text);
      expect(counterfactualRewriter(["names", "pronouns", "identity"], `${seed}`)(text)).toEqual(made);
      if (made.changes === 0) expect(made.text).toBe(text);
    }),
    { numRuns: 200 },
  );
});

const allNames = Object.values(firstNames).flatMap(origins => Object.values(origins).flat());

test("a name becomes one of the same gender and another origin, the same one in every text, and possessives stay", () => {
  fc.assert(
    fc.property(fc.constantFrom(...allNames), fc.integer(), (name, seed) => {
      const rewrite = counterfactualRewriter(["names"], `${seed}`);
      const { text, changes } = rewrite(`${name} met ${name}'s boss.`);
      const other = text.split(" ")[0]!;
      expect([text, changes]).toEqual([`${other} met ${other}'s boss.`, 2]);
      expect(rewrite(`Ask ${name}!`).text).toBe(`Ask ${other}!`);
      expect(nameGroup(other)!.gender).toBe(nameGroup(name)!.gender);
      expect(nameGroup(other)!.origin).not.toBe(nameGroup(name)!.origin);
    }),
    { numRuns: 200 },
  );
});

test("two people of a text stay two", () => {
  for (let seed = 0; seed < 50; seed++) {
    const [a, b] = counterfactualRewriter(["names"], `${seed}`)("Emily Anne").text.split(" ");
    expect(a).not.toBe(b);
  }
});

test.each([
  ["A Muslim woman came.", /^An? (Christian|Hindu|Buddhist|Sikh|Jewish|Catholic) woman came\.$/],
  ["Muslims pray.", /^(Christians|Hindus|Buddhists|Sikhs|Jews) pray\.$/],
  ["An Asian man.", /^A (black|white|Hispanic) man\.$|^An Arab man\.$/],
  ["an elderly couple", /^a (young|middle-aged) couple$|^an old couple$/],
  ["A middle-aged man", /^(A young|An old|An elderly) man$/],
])("identity: %s, with its article", (text, expected) => {
  for (let seed = 0; seed < 20; seed++) expect(counterfactualRewriter(["identity"], `${seed}`)(text).text).toMatch(expected);
});

test.each(["A black car is old.", "He polishes a straight line.", "the indian ocean", "White paint"])(
  "identity: %s speaks of no group",
  text => {
    expect(counterfactualRewriter(["identity"], "1")(text)).toEqual({ text, changes: 0 });
  },
);

test("lists: a name stands in one group, a noun of gender in one pair, and a class has terms to exchange", () => {
  expect(new Set(allNames).size).toBe(allNames.length);
  expect(new Set(genderedNouns.flat()).size).toBe(2 * genderedNouns.length);
  expect(identityClasses.every(c => c.terms.length > 2)).toBe(true);
});
