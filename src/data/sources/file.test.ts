import fc from "fast-check";
import { expect, test } from "vitest";
import { sourceLines } from "./file.ts";

async function lines(text: string, size: number, limit?: number) {
  async function* pieces() {
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
  }
  const out: (string | undefined)[] = [];
  for await (const { bytes, number } of sourceLines(pieces(), limit)) {
    out.push(bytes?.toString());
    expect(number).toBe(out.length);
  }
  return out;
}

test("lines are what splitting the whole text gives, however it comes in pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "üö", "\r", "\n", "\r\n", "xyz")),
      fc.integer({ min: 1, max: 5 }),
      async (parts, size) => {
        const text = parts.join("");
        const expected = text.split("\n").map(l => l.replace(/\r$/, ""));
        if (text === "" || text.endsWith("\n")) expected.pop();
        expect(await lines(text, size)).toEqual(expected);
      },
    ),
  );
});

test("a line longer than the limit is passed over as such, and its neighbours are read", async () => {
  expect(await lines(`ab\n${"x".repeat(50)}\ncd\n${"y".repeat(11)}`, 4, 10)).toEqual(["ab", undefined, "cd", undefined]);
  expect(await lines(`${"x".repeat(10)}\n`, 3, 10)).toEqual(["x".repeat(10)]);
});
