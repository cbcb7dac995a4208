import fc from "fast-check";
import { expect, test } from "vitest";
import { mostSaved, readConversations, type Saved, withSaved, writeConversations } from "./conversations.ts";
import { defaults } from "./settings.ts";

const text = fc.string({ unit: "grapheme" });
const call = fc.record({ id: text, name: text, arguments: text });
const result = fc.record({ callId: text, name: text, content: text });
const turns = fc.array(
  fc.record(
    { prompt: text, text, calls: fc.array(call, { maxLength: 2 }), results: fc.array(result, { maxLength: 2 }) },
    { requiredKeys: ["prompt", "text"] },
  ),
  { maxLength: 4 },
);
const settings = fc
  .tuple(fc.string(), fc.array(fc.record({ name: text, description: text, parameters: text }), { maxLength: 2 }))
  .map(([seed, tools]): Saved["settings"] => ({ ...defaults, seed, tools }));

const required = fc.record<Saved>({
  name: fc.string(),
  savedAt: fc.nat(),
  mode: fc.constantFrom("completion", "chat"),
  model: fc.option(fc.string()),
  settings,
  turns,
});
const beside = fc.record({ model: fc.string(), settings: fc.option(settings), turns });
const saved: fc.Arbitrary<Saved> = fc
  .tuple(required, fc.option(beside))
  .map(([one, other]) => (other === null ? one : { ...one, beside: other }));

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
