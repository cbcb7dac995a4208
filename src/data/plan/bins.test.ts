import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import type { Key } from "../steps/step.ts";
import { bin, binGroups, binRecords } from "./bins.ts";

/** Groups as text, in order, so that they can be compared. */
const listed = (groups: Iterable<{ key: Key; count: number; values(): Iterable<Buffer> }>): string[] =>
  Array.from(groups, g => `${g.key.join(" ")}: ${g.count}, ${[...g.values()].map(v => v.toString("hex")).join(" ")}`).sort();

function byDefinition(sent: readonly { key: Key; value: Buffer }[], atLeast: number): string[] {
  const groups = new Map<string, Buffer[]>();
  for (const { key, value } of sent) groups.set(key.join(" "), [...(groups.get(key.join(" ")) ?? []), value]);
  return [...groups]
    .filter(([, v]) => v.length >= atLeast)
    .map(([k, v]) => {
      const values = [...v].sort(Buffer.compare).map(x => x.toString("hex"));
      return `${k}: ${v.length}, ${values.join(" ")}`;
    })
    .sort();
}

test("records come together by key, all of them, their values sorted, from a bin and from its blocks", () => {
  const word = fc.oneof(fc.nat(2), fc.nat(2 ** 32 - 1));
  const record = fc.record({
    key: fc.tuple(word, word, fc.nat(1), fc.nat(1)),
    value: fc.uint8Array({ maxLength: 9 }).map(v => Buffer.from(v)),
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 80 }), fc.integer({ min: 1, max: 3 }), fc.nat(80), (sent, atLeast, cut) => {
      const expected = byDefinition(sent, atLeast);
      const here = bin();
      for (const { key, value } of sent) here.add(key, value);
      expect(listed(binGroups(here.records(), { atLeast }))).toEqual(expected);
      const blocks: Buffer[] = [];
      for (const part of [sent.slice(0, cut), sent.slice(cut)]) {
        for (const { key, value } of part) here.add(key, value);
        blocks.push(Buffer.concat(here.take()));
      }
      expect(listed(binGroups(binRecords(blocks), { atLeast }))).toEqual(expected);
    }),
  );
});

test("so many records that they are grouped in parts are grouped the same", () => {
  const draw = random("parts");
  const here = bin();
  const counts = new Map<number, number>();
  for (let i = 0; i < 60_000; i++) {
    // Keys that differ in one word only, which is any of the four.
    const k = draw.below(40_000);
    const key: [number, number, number, number] = [7, 7, 7, 7];
    key[k % 4] = k;
    here.add(key, Buffer.from(String(k)));
    counts.set(k, (counts.get(k) ?? 0) + 1);
  }
  let seen = 0;
  for (const group of binGroups(here.records(), {})) {
    const values = [...group.values()].map(String);
    // One look a group: a hundred thousand expectations take longer than the groups.
    const [first] = values;
    if (values.some(v => v !== first) || values.length !== counts.get(Number(first)) || group.count !== values.length)
      expect.fail(`${first}: ${values.length} values of ${counts.get(Number(first))}, a count of ${group.count}`);
    seen++;
  }
  expect(seen).toBe(counts.size);
});
