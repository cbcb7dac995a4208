/** Mentions of groups: each counted once, slices that add up, and shares with their intervals. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { wilson } from "../statistics/index.ts";
import { counterfactualRewriter } from "./counterfactual/index.ts";
import { groupMentions, representation } from "./representation.ts";

const mentions = (text: string) => Object.fromEntries([...groupMentions(text)].map(([k, n]) => [k.replace("\n", ": "), n]));

test("pronouns, nouns, names and terms are counted by group, plural and singular together", () => {
  expect(mentions("Priya told her father that Muslims and a Muslim man came with Jews; he left.")).toEqual({
    "gender: women": 2,
    "gender: men": 3,
    "name origin: indian": 1,
    "religion: muslim": 2,
    "religion: jewish": 1,
  });
  expect(mentions("A black car. It rained.")).toEqual({});
});

const text = fc.constantFrom("He slept.", "She slept.", "Her father slept.", "Omar slept.", "A Hindu woman slept.", "It rained.");
const documents = fc.array(fc.record({ text, source: fc.constantFrom("a/1", "b/1"), split: fc.constantFrom("train", "held-out") }), {
  minLength: 1,
  maxLength: 30,
});
function told(list: readonly { text: string; source: string; split: string }[]) {
  const counter = representation();
  for (const [i, { text, source, split }] of list.entries()) counter.add({ id: `${i}`, text, source, attributes: {} }, split);
  return counter.all();
}

test("splits and sources add up to all documents, and a share is of the documents that mention the kind", () => {
  fc.assert(
    fc.property(documents, list => {
      const slices = told(list);
      const [all] = slices;
      for (const by of ["split", "source"] as const) {
        const parts = slices.filter(s => s.by === by);
        expect(parts.reduce((n, p) => n + p.documents, 0)).toBe(all!.documents);
        for (const { about, group, documents: count, mentions: times } of all!.shares) {
          const own = parts.flatMap(p => p.shares.filter(s => s.about === about && s.group === group));
          expect(own.reduce((n, s) => n + s.documents, 0)).toBe(count);
          expect(own.reduce((n, s) => n + s.mentions, 0)).toBe(times);
        }
      }
      const speaking = list.filter(d => groupMentions(d.text).size > 0).length;
      for (const s of all!.shares) {
        if (s.about === "gender") expect(s.of).toBe(speaking);
        expect(s).toMatchObject(wilson(s.documents, s.of));
      }
    }),
    { numRuns: 100 },
  );
});

test("documents and their counterfactuals together speak of both genders alike", () => {
  const list = ["He slept.", "His father and her mother came.", "The king met him.", "The girl saw hers."];
  const swapped = list.map(t => counterfactualRewriter(["pronouns"], "1")(t).text);
  const [all] = told([...list, ...swapped].map(t => ({ text: t, source: "a", split: "train" })));
  const [first, second] = all!.shares.filter(s => s.about === "gender");
  expect([first!.documents, first!.mentions]).toEqual([second!.documents, second!.mentions]);
});
