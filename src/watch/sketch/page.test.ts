/** The examples of docs/drift.md print what the page says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import * as watch from "../index.ts";

const page = readFileSync(join(fileURLToPath(new URL("../../..", import.meta.url)), "docs", "drift.md"), "utf8");

const examples = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(m => m[1]!);

test("the page has an example of a comparison and one of a season", () => {
  expect(examples.map(code => /compareSeason/.test(code))).toEqual([false, true]);
});

test.each(examples)("an example of docs/drift.md prints what the page says: %#", async example => {
  const names = /^import \{ (.*) \} from "loam\/watch";$/m.exec(example)![1]!.replace(/\btype \w+,? ?/g, "");
  const { code } = await transform(example.replace(/^import .*$/m, ""), { loader: "ts" });
  const printed: string[] = [];
  new Function("watch", "console", `const { ${names} } = watch;\n${code}`)(watch, { log: (line: string) => printed.push(line) });
  expect(page).toContain(`It prints:\n\n\`\`\`text\n${printed.join("\n")}\n\`\`\``);
});
