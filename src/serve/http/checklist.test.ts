/** docs/bad-input.md says which test stands for which promise: each of them must be there, by its name. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../../../docs/bad-input.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| [^|]+ \| ([^|]+?) +\| `([\w/.-]+\.test\.ts)` +\|$/gm)].map(([, name = "", file = ""]) => ({
  name,
  file,
}));

test("every promise of the checklist names a test that there is", () => {
  expect(rows.length).toBeGreaterThan(25);
  const missing = rows.filter(
    ({ name, file }) =>
      !readFileSync(new URL(`../${file}`, import.meta.url), "utf8")
        .match(/\b(?:test|deepTest)\("[^"\n]+"/g)
        ?.some(t => t.endsWith(`("${name}"`)),
  );
  expect(missing).toEqual([]);
});
