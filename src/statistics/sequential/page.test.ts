/** The example of docs/comparison.md prints what the page says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import * as statistics from "../index.ts";

const page = readFileSync(join(fileURLToPath(new URL("../../..", import.meta.url)), "docs", "comparison.md"), "utf8");

test("the example of docs/comparison.md prints what the page says", async () => {
  const [, example] = /^```ts\n([\s\S]*?)^```$/m.exec(page)!;
  const names = /^import \{ (.*) \} from "loam\/statistics";$/m.exec(example!)![1]!;
  const { code } = await transform(example!.replace(/^import .*$/m, ""), { loader: "ts" });
  const printed: string[] = [];
  new Function("statistics", "console", `const { ${names} } = statistics;\n${code}`)(statistics, {
    log: (line: string) => printed.push(line),
  });
  expect(page).toContain(`It prints:\n\n\`\`\`\n${printed.join("\n")}\n\`\`\``);
});
