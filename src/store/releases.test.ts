import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { earlierHoldersLaw, releaseLaws } from "./releases.laws.ts";
import { scratchFolder } from "./scratch.laws.ts";

const scratch = scratchFolder("releases");
let projects = 0;

earlierHoldersLaw();
releaseLaws(async () => {
  const root = join(scratch, `p${projects++}`);
  mkdirSync(root);
  return { root, records: "sqlite:.loam/record.db", blobs: "folder:.loam/blobs" };
});
