import { expect, test } from "vitest";
import { placeInText, toggledSpan } from "./spans.ts";

test("places in a field are places in the text, which may end its lines with two characters", () => {
  const text = "ab\r\ncd\ne";
  const shown = text.replaceAll("\r\n", "\n");
  for (let i = 0; i < shown.length; i++)
    expect(text.slice(placeInText(text, i), placeInText(text, i + 1)).replace("\r\n", "\n")).toBe(shown[i]);
  expect(placeInText(text, 99)).toBe(text.length);
});

test("ranges may overlap, stand by place, and one that is given twice is taken away", () => {
  const [a, b] = [
    { start: 4, end: 9, label: "x" },
    { start: 0, end: 5, label: "y" },
  ];
  const both = toggledSpan(toggledSpan([], a), b);
  expect(both).toEqual([b, a]);
  expect(toggledSpan(both, { ...a })).toEqual([b]);
  expect(toggledSpan(both, { ...a, label: "y" })).toHaveLength(3);
});
