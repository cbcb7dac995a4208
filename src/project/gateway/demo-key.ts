/**
 * The key that a project's gateway has from its first start, so that there is one to try it with: in a file beside the state, which only its owner
 * reads, because it is shown at each start. For this machine alone: whoever can ask for it can read the console already.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Control } from "../../gateway/index.ts";

const demoKeyFile = (folder: string): string => join(folder, ".loam", "gateway-demo.key");

const keyName = "demo";

/** The key; a new one where there is none that opens. Errors: gateway/unknownSubject, those of the state. */
export async function demoKey(control: Control, folder: string, subject: string): Promise<string> {
  const file = demoKeyFile(folder);
  let kept = "";
  try {
    kept = (await readFile(file, "utf8")).trim();
  } catch {
    // none yet
  }
  if (kept !== "") {
    const { identity } = await control.authenticate({ token: kept });
    if (identity?.subject === subject) return kept;
  }
  const { secret } = await control.keys.create({ name: keyName, subject }, "loam serve");
  await mkdir(dirname(file), { recursive: true });
  // beside and renamed: never half a key
  await writeFile(`${file}.part`, `${secret}\n`, { mode: 0o600 });
  await rename(`${file}.part`, file);
  return secret;
}
