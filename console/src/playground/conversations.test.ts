import fc from "fast-check";
import { expect, test } from "vitest";
import { mostSaved, readConversations, type Saved, withSaved, writeConversations } from "./conversations.ts";
import { defaults } from "./settings.ts";

const saved = fc.record<Saved>({
  name: fc.string(),
  savedAt: fc.nat(),
  mode: fc.constantFrom("completion", "chat"),
  model: fc.option(fc.string()),
  settings: fc.record({
    ...Object.fromEntries(Object.entries(defaults).map(([k, v]) => [k, fc.constant(v)])),
    seed: fc.string(),
  }) as fc.Arbitrary<Saved["settings"]>,
  turns: fc.array(fc.record({ prompt: fc.string({ unit: "grapheme" }), text: fc.string({ unit: "grapheme" }) }), { maxLength: 4 }),
});

test("what is exported is imported, and nothing else", () => {
  fc.assert(
    fc.property(fc.array(saved, { maxLength: 5 }), all => {
      expect(readConversations(writeConversations(all))).toEqual(all);
    }),
  );
});

test("another document is an error in words; a broken entry is left out and the others stay", () => {
  expect(() => readConversations("hello")).toThrow("expected JSON that was exported here");
  expect(() => readConversations("[1]")).toThrow("loam-conversations");
  const one: Saved = { name: "a", savedAt: 1, mode: "chat", model: null, settings: defaults, turns: [] };
  expect(readConversations(JSON.stringify({ kind: "loam-conversations", saved: [{ name: 3 }, one] }))).toEqual([one]);
});

test("the newest stand first, a name is there once, and the oldest go when there are too many", () => {
  fc.assert(
    fc.property(fc.array(saved, { maxLength: 80 }), all => {
      const kept = all.reduce<readonly Saved[]>(withSaved, []);
      expect(kept.length).toBeLessThanOrEqual(mostSaved);
      expect(new Set(kept.map(s => s.name)).size).toBe(kept.length);
      expect(kept.map(s => s.savedAt)).toEqual(kept.map(s => s.savedAt).toSorted((a, b) => b - a));
    }),
  );
});
