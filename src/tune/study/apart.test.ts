import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type Grouped, groupsOf, leakedInto } from "./apart.ts";
import { halved, promptsOf } from "./example-halves.ts";

const words = "harbour tide sail anchor wind boat shore wave island captain rope mast deck gull storm".split(" ");
const said = (seed: string, n = 30): string => {
  const r = random(seed);
  return Array.from({ length: n }, () => `${words[r.below(words.length)]}${r.below(50)}`).join(" ");
};
const text = (id: string, of = said(id), group = id): Grouped => ({ id, text: of, group });

describe("what may be trained on beside what judges", () => {
  const judged = [text("a"), text("b", said("b"), "g")];

  test("the same document, a copy, a near-duplicate, and what a split put together with it are out; nothing else is", () => {
    const near = said("a").split(" ").with(1, "another").join(" ");
    const own = [
      text("a", "a text that was changed since"),
      text("c", `  ${said("b").toUpperCase()} `),
      text("d", near),
      text("e", said("e"), "g"),
      text("f"),
      text("h", said("h"), "f"),
    ];
    expect([...leakedInto(judged, own)].sort()).toEqual([0, 1, 2, 3]);
  });

  test("what the trial's own split joins with a judged document is out, on whichever side that one lies", () => {
    const own = [text("a", said("a"), "joined"), text("x", said("x"), "joined"), text("y")];
    expect([...leakedInto(judged, own)].sort()).toEqual([0, 1]);
  });

  test("short texts, of too few words for a shingle, are told by what they say", () => {
    expect([...leakedInto([text("a", "Yes, sir")], [text("b", "yes,  sir"), text("c", "no, sir")])]).toEqual([0]);
  });

  test("a short text with one word changed is out, as the split would have put both on one side", () => {
    const of = "my parcel has not arrived and I want my money back";
    const own = [text("x", of.replace("parcel", "order")), text("y", "how do I change the address of my next delivery")];
    expect([...leakedInto([text("a", of)], own)]).toEqual([0]);
  });
});

describe("groups of examples", () => {
  test("join short texts that differ in one word", () => {
    const of = (id: string, word: string) => ({ id, text: `my ${word} has not arrived and I want my money back`, keys: [] });
    expect(groupsOf([of("1", "parcel"), of("2", "order"), { id: "3", text: said("y"), keys: [] }])).toEqual(["1", "1", "3"]);
  });

  test("join near-duplicates and what shares a key, through others too, and are called by the least id", () => {
    const near = said("a").split(" ").with(3, "another").join(" ");
    const examples = [
      { id: "3", text: said("a"), keys: ["p"] },
      { id: "1", text: near, keys: ["q"] },
      { id: "2", text: said("z"), keys: ["q"] },
      { id: "4", text: said("y"), keys: [] },
    ];
    expect(groupsOf(examples)).toEqual(["1", "1", "1", "4"]);
  });

  test("of one prompt belong together, whatever the answers are; no prompt is no bond", () => {
    const completion = (prompt: string) => promptsOf({ place: "", example: { kind: "completion", prompt, completion: "so" } });
    expect(completion("why?")).toEqual(completion("why?"));
    expect(completion(" ")).toEqual([]);
    const messages = [{ role: "user" as const, content: "why?" }];
    const answer = (content: string) => ({ role: "assistant" as const, content });
    const chat = promptsOf({ place: "", example: { kind: "chat", messages: [...messages, answer("so")], trained: [1] } });
    expect(chat).toEqual(promptsOf({ place: "", example: { kind: "rated", messages, answer: [answer("no")], isGood: false } }));
    expect(promptsOf({ place: "", example: { kind: "chat", messages: [answer("so")], trained: [0] } })).toEqual([]);
  });

  test("are on one side each, and both sides have some; one group alone is not divided", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 60 }), list => {
        const all = list.map((g, i) => ({ group: `g${g}`, i }));
        const { validation, test: judging } = halved(all, "here");
        expect([...validation, ...judging].map(e => e.i).sort((a, b) => a - b)).toEqual(all.map(e => e.i));
        const chose = new Set(validation.map(e => e.group));
        expect(judging.filter(e => chose.has(e.group))).toEqual([]);
        expect(judging.length > 0).toBe(new Set(list).size > 1);
        expect(validation.length).toBeGreaterThan(0);
      }),
    );
  });
});
