/** Reads the page's colours and holds them against WCAG 2.2 (1.4.3 text, 1.4.11 controls), in both themes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const sheet = readFileSync(new URL("./colours.css", import.meta.url), "utf8");
const colours = (block: string): Record<string, string> =>
  Object.fromEntries([...block.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6});/g)].map(m => [m[1]!, m[2]!]));
const [light, dark] = sheet
  .split("prefers-color-scheme: dark", 2)
  .map((text, i) => colours(i === 0 ? text : text.slice(0, text.indexOf("}\n}"))));

/** Relative luminance, WCAG's definition. */
const luminance = (hex: string): number => {
  const [r, g, b] = [1, 3, 5].map(i => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
};
const contrast = (a: string, b: string): number => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
};

const grounds = ["page", "surface", "sunken"];
const texts = ["ink", "soft", "faint", "accent", "clay", "ochre", "plum", "slate", "teal"];
const pairs: readonly (readonly [string, string, number])[] = [
  ...texts.flatMap(t => grounds.map(g => [t, g, 4.5] as const)),
  ["on-accent", "accent", 4.5],
  ["page", "ink", 4.5],
  ...["ink", "soft", "accent"].map(t => [t, "accent-soft", 4.5] as const),
  ...["ink", "clay"].map(t => [t, "clay-soft", 4.5] as const),
  ...["page", "surface"].map(g => ["edge", g, 3] as const),
];

test.each([
  ["light", light],
  ["dark", dark],
] as const)("every text of the %s theme is read on every ground it stands on, every control is seen", (_, theme) => {
  const low = pairs
    .map(([a, b, least]) => ({ pair: `${a} on ${b}`, got: contrast(theme![a]!, theme![b]!), least }))
    .filter(p => !(p.got >= p.least));
  expect(low).toEqual([]);
});
