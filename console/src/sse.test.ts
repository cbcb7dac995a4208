import fc from "fast-check";
import { expect, test } from "vitest";
import { type ServerEvent, sseParser } from "./sse.ts";

const all = (pieces: readonly string[]): ServerEvent[] => {
  const parser = sseParser();
  return pieces.flatMap(p => parser.push(p));
};
const cut = (text: string, at: readonly number[]): string[] => {
  const places = [...new Set(at.map(n => n % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => text.slice(from, places[i] ?? text.length));
};

const ending = fc.constantFrom("\n", "\r", "\r\n");
const value = fc.string({ unit: fc.constantFrom("a", ":", " ", "{", "é", "😀", "data") });

test("events come out the same however the text is cut, for every line ending", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
      ending,
      fc.array(fc.nat()),
      (events, nl, at) => {
        const text = events.map(lines => `${lines.map(l => `data: ${l}${nl}`).join("")}${nl}`).join("");
        expect(all(cut(text, at))).toEqual(events.map(lines => ({ event: "message", data: lines.join("\n") })));
      },
    ),
  );
});

test("comments, unknown fields and a byte-order mark are no data", () => {
  expect(all(["\uFEFF: ping\n\nid: 7\nretry: 1\ndata: x\n\n"])).toEqual([{ event: "message", data: "x" }]);
});

test("the event's name holds for one event", () => {
  expect(all(["event: error\ndata: a\n\ndata: b\n\n"])).toEqual([
    { event: "error", data: "a" },
    { event: "message", data: "b" },
  ]);
});

test("only one space after the colon is taken away, and a field without a colon is empty", () => {
  expect(all(["data:  two\n\ndata\n\n"])).toEqual([
    { event: "message", data: " two" },
    { event: "message", data: "" },
  ]);
});

test("an event that is not ended is not given out", () => {
  expect(all(["data: half\n"])).toEqual([]);
});
