import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { actsLaws } from "./acts.laws.ts";
import { scratchFolder } from "./scratch.laws.ts";

const scratch = scratchFolder("acts");
let projects = 0;

actsLaws(async () => {
  const root = join(scratch, `p${projects++}`);
  mkdirSync(root);
  return { root };
});
