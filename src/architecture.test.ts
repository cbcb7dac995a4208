import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { drawnArrows, modulePicture, wordsOf } from "../scripts/parts/module-picture.js";
import { modules } from "./modules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs", "architecture.md"), "utf8");

test("the picture of the modules is that of the table (`npm run docs` draws it)", () => {
  expect(readFileSync(join(root, "docs", "pictures", "modules.svg"), "utf8")).toBe(
    modulePicture(modules, wordsOf(modules, join(root, "src"))),
  );
});

test("arrows that follow from others are left out of the picture, and no other", () => {
  const arrows = drawnArrows({ a: [], b: ["a"], c: ["a", "b"], d: ["a", "c"] });
  expect(arrows).toEqual([
    { from: "b", to: "a" },
    { from: "c", to: "b" },
    { from: "d", to: "c" },
  ]);
});

test("docs/architecture.md has a row for every module, and none that is not there", () => {
  const rows = [...page.matchAll(/^\| `src\/(\w+)` +\|/gm)].map(m => m[1]!);
  expect(rows.sort()).toEqual(Object.keys(modules).sort());
});

test("every file that docs/architecture.md names is there", () => {
  const named = [...page.matchAll(/`((?:src|console|test|scripts|docs|bin)\/[\w./-]+)`/g)].map(m => m[1]!);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(path => !existsSync(join(root, path)))).toEqual([]);
});
