import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launcherLaws } from "./launcher.laws.ts";
import { localLauncher } from "./local.ts";

launcherLaws("local", undefined, async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-launch-"));
  return { launcher: localLauncher(), folder, close: async () => rmSync(folder, { recursive: true, force: true }) };
});
