import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { groups, verbs } from "./verbs.ts";

test("docs/cli.md has every verb with its options and example, and no other (`npm run docs` writes it)", () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/cli.md", import.meta.url)), "utf8");
  const titles = page.split("\n").filter(line => line.startsWith("### loam "));
  expect(titles).toEqual(verbs.map(v => `### loam ${v.usage}`));
  for (const v of verbs) {
    expect(page).toContain(`\n${v.example}\n`);
  }
  const documented = [...page.matchAll(/^\| `(-[^`]*)` +\| (.*?) +\|$/gm)].map(m => `${m[1]} ${m[2]}`);
  const declared = verbs.flatMap(v =>
    v.options.map(([flags, text, otherwise]) => `${flags} ${text}${otherwise === undefined ? "" : ` (${otherwise})`}`),
  );
  expect(documented.sort()).toEqual(declared.sort());
});

test("every verb loads its module", async () => {
  for (const v of verbs) expect(typeof (await v.load())).toBe("function");
  // reads and compiles most of the source
}, 600_000);

test("an example begins with its own verb, and options are long ones with a text", () => {
  for (const v of verbs) {
    expect(v.example.startsWith(`loam ${v.usage.replace(/ [<[].*$/, "")}`)).toBe(true);
    for (const [flags, text] of v.options) {
      expect(flags).toMatch(/^(-[a-zA-Z], )?--[a-z-]+( <[a-z]+(\.\.\.)?>)?$/);
      expect(text.length).toBeGreaterThan(5);
    }
  }
});

test("every first word of verbs of two words is told of in `loam --help`: by its own verb or by its group's summary", () => {
  const words = verbs.map(v => v.usage.split(" ").filter(word => /^[a-z]/.test(word)));
  const alone = new Set(words.filter(w => w.length === 1).map(([first]) => first!));
  const first = new Set(words.filter(w => w.length > 1).map(([word]) => word!));
  expect([...first].filter(word => !alone.has(word)).sort()).toEqual(Object.keys(groups).sort());
  for (const summary of Object.values(groups)) expect(summary).toMatch(/^[A-Z].{9,}/);
});
