import fc from "fast-check";
import { expect, test } from "vitest";
import { cutEvents } from "./cut-events.ts";

const event = fc.record({
  data: fc.array(
    fc.string().map(s => s.replace(/[\r\n]/g, " ")),
    { minLength: 1, maxLength: 3 },
  ),
  line: fc.constantFrom("\n", "\r\n"),
  comment: fc.boolean(),
});

test("however the bytes arrive, the events are the same, and their bytes are all of the bytes", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), fc.array(fc.nat({ max: 400 }), { maxLength: 12 }), (events, cuts) => {
      const wire = events.map(e => `${e.comment ? `: note${e.line}` : ""}${e.data.map(d => `data: ${d}${e.line}`).join("")}${e.line}`);
      const bytes = Buffer.from(wire.join(""));
      const at = [0, ...cuts.map(c => Math.min(c, bytes.length)).sort((a, b) => a - b), bytes.length];
      const cutter = cutEvents();
      const got = at.slice(1).flatMap((to, i) => cutter.push(bytes.subarray(at[i]!, to)));
      expect(got.map(e => e.data)).toEqual(events.map(e => e.data.join("\n")));
      expect(Buffer.concat(got.map(e => e.bytes)).equals(bytes)).toBe(true);
      expect(cutter.pendingBytes).toBe(0);
    }),
  );
});

test("half an event is held back and counted", () => {
  const cutter = cutEvents();
  expect(cutter.push(Buffer.from('data: {"a":1}\n\ndata: {"b"')).map(e => e.data)).toEqual(['{"a":1}']);
  expect(cutter.pendingBytes).toBe(10);
  expect(cutter.push(Buffer.from(":2}\n\n")).map(e => e.data)).toEqual(['{"b":2}']);
});

test("a comment is an event without data, whose bytes are kept", () => {
  const [only] = cutEvents().push(Buffer.from(": still working\n\n"));
  expect(only).toEqual({ bytes: Buffer.from(": still working\n\n"), data: undefined });
});
