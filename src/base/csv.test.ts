import fc from "fast-check";
import { expect, test } from "vitest";
import { csvText } from "./csv.ts";

/** A reader by RFC 4180, written for this test. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  let [row, at]: [string[], number] = [[], 0];
  while (at < text.length) {
    let value = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (text[at] === '"') at++;
        value += text[at];
      }
      at++;
    } else while (at < text.length && text[at] !== "," && text[at] !== "\r") value += text[at++];
    row.push(value);
    if (text[at] === ",") at++;
    else {
      expect(text.slice(at, at + 2)).toBe("\r\n");
      at += 2;
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

test("every text and number is read back, and no field begins a formula", () => {
  const value = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("=1+1", "-2", "@x", "+a", "\tb", 'a "b"', "a,b", "a\r\nb"),
    fc.integer(),
  );
  fc.assert(
    fc.property(fc.array(fc.array(value, { minLength: 2, maxLength: 5 })), rows => {
      const found = read(csvText(rows));
      expect(found.map(r => r.length)).toEqual(rows.map(r => r.length));
      for (const [i, row] of rows.entries())
        for (const [k, given] of row.entries()) {
          const got = found[i]![k]!;
          if (typeof given === "number") expect(got).toBe(String(given));
          else {
            expect(got.replace(/^'(?=[=+\-@\t\r])/, "")).toBe(given.replace(/^'(?=[=+\-@\t\r])/, ""));
            expect(got).not.toMatch(/^[=+\-@\t\r]/);
          }
        }
    }),
  );
});

test("an absent value is an empty field", () => {
  expect(csvText([["a", null, undefined, 0]])).toBe("a,,,0\r\n");
});
