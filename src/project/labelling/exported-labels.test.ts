import { expect, test } from "vitest";
import { parseNameExample } from "../../data/index.ts";
import { exportedLabels, type LabelFormat } from "./exported-labels.ts";

/** The emoji is two UTF-16 code units and one code point. */
const text = "🙂 Ann Lee flew to New York.";
const spans = [
  { start: 3, end: 10, label: "name" },
  { start: 19, end: 27, label: "place" },
];
const file = `${JSON.stringify({ id: "a", text, spans })}\n${JSON.stringify({ id: "b", text: "Nobody came.", spans: [] })}\n`;
const exported = (format: LabelFormat, of = file) => {
  const { lines, ...counts } = exportedLabels(of, "labelled.jsonl", { format, instruction: "Find names and places." });
  return {
    counts,
    lines: lines
      .trimEnd()
      .split("\n")
      .map(l => JSON.parse(l)),
  };
};

test("ranges become conversations whose response lists what was marked, and an empty list where nothing was", () => {
  const { lines, counts } = exported("chat");
  expect(counts).toEqual({ texts: 2, spans: 2, leftOut: 0 });
  expect(lines[0].messages).toEqual([
    { role: "system", content: "Find names and places." },
    { role: "user", content: text },
    { role: "assistant", content: '[{"text":"Ann Lee","label":"name"},{"text":"New York","label":"place"}]' },
  ]);
  expect(lines[1].messages[2].content).toBe("[]");
});

test("one class and several classes of a text become conversations, too", () => {
  const given = `${JSON.stringify({ text: "a", label: "spam" })}\n${JSON.stringify({ text: "b", labels: ["x", "y"] })}\n`;
  expect(exported("chat", given).lines.map(l => l.messages.at(-1).content)).toEqual(["spam", '["x","y"]']);
  expect(() => exported("bio", given)).toThrow('expected chat, for these labels are of texts, not of ranges, got "bio"');
});

test("the trainer of the recogniser reads what was exported for it, at the same places of the text", () => {
  const [first] = exported("recogniser").lines;
  expect(parseNameExample(JSON.stringify(first), "line")).toMatchObject({
    text,
    spans: [{ start: 3, end: 10, type: "name" }, { type: "place" }],
  });
  expect(() => exported("recogniser", file.replace('"place"', '"city"'))).toThrow(
    'expected classes name and place, which the recogniser has, got "city"',
  );
});

test("words that a range touches get its tag, and of ranges that share a word the longer one is kept", () => {
  expect(exported("bio").lines[0]).toEqual({
    tokens: ["🙂", "Ann", "Lee", "flew", "to", "New", "York", "."],
    tags: ["O", "B-name", "I-name", "O", "O", "B-place", "I-place", "O"],
  });
  const nested = {
    text: "New York Times",
    spans: [
      { start: 0, end: 8, label: "place" },
      { start: 0, end: 14, label: "name" },
    ],
  };
  const { lines, counts } = exported("bio", JSON.stringify(nested));
  expect(lines[0].tags).toEqual(["B-name", "I-name", "I-name"]);
  expect(counts).toMatchObject({ spans: 2, leftOut: 1 });
});

test("offsets in code points are those of a program that counts an emoji as one character", () => {
  const [{ spans: found }] = exported("code-points").lines;
  expect(found).toEqual([
    { start: 2, end: 9, label: "name", quote: "Ann Lee" },
    { start: 18, end: 26, label: "place", quote: "New York" },
  ]);
  const characters = [...text];
  for (const s of found) expect(characters.slice(s.start, s.end).join("")).toBe(s.quote);
});

test("a line that is no labelled text is named with its number", () => {
  expect(() => exported("chat", `${file}no json\n`)).toThrow("labelled.jsonl:3: expected a JSON object, got no json");
});
