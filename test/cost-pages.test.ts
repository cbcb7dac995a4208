/** docs/cost.md as a reader follows it, with a training of fewer tokens. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";

deepTest("docs/cost.md: every command runs, and the ledger and the profile come as the page shows them", async () => {
  const short = `cd letters\nsed -i 's/tokens: 240k/tokens: 20k/; s/width: 96/width: 48/' loam.yaml`;
  await followPage(readFileSync(join(root, "docs", "cost.md"), "utf8").replace(/^cd letters$/m, short));
});
