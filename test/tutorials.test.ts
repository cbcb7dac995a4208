/** The tutorials as a reader follows them: every command of a page, in order, in an empty folder. Only trainings are made shorter. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./support/child.ts";
import { followPage } from "./support/page-session.ts";

const folder = join(root, "docs", "tutorials");
const short = `cd letters\nsed -i 's/tokens: 240k/tokens: 20k/; s/width: 96/width: 48/' loam.yaml`;

test.each(readdirSync(folder).filter(f => f.endsWith(".md")))("%s: every command runs, and what the page shows comes", async name => {
  await followPage(readFileSync(join(folder, name), "utf8").replace(/^cd letters$/m, short));
});

test("a command that fails, and output that does not come, fail the page", async () => {
  const page = (text: string) => followPage(`${text}\n`);
  await expect(page("```sh\necho 7 > x\nfalse\necho after\n```")).rejects.toThrow("a command failed");
  await expect(page("```sh\necho 12 apples\n```\n\n```text\n7 pears\n```")).rejects.toThrow("N pears");
  // numbers with their signs and what `...` cuts off are not compared
  await page("```sh\necho loss -0.5, and more\n```\n\n```text\nloss +12, and...\n```");
  const { folder: at } = await page(
    "```sh\nmkdir x\ncd x\n```\n```js\n// a/b.js\nconsole.log(7)\n```\n```sh\nnode a/b.js\n```\n```\n7\n```",
  );
  expect(at).toMatch(/x$/);
});
