/** The example of docs/drift.md prints what the page says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import * as watch from "../index.ts";

const page = readFileSync(join(fileURLToPath(new URL("../../..", import.meta.url)), "docs", "drift.md"), "utf8");

test("the example of docs/drift.md prints what the page says", async () => {
  const [, example] = /^```ts\n([\s\S]*?)^```$/m.exec(page)!;
  const names = /^import \{ (.*) \} from "loam\/watch";$/m.exec(example!)![1]!;
  const { code } = await transform(example!.replace(/^import .*$/m, ""), { loader: "ts" });
  const printed: string[] = [];
  new Function("watch", "console", `const { ${names} } = watch;\n${code}`)(watch, { log: (line: string) => printed.push(line) });
  expect(page).toContain(`It prints:\n\n\`\`\`text\n${printed.join("\n")}\n\`\`\``);
});
