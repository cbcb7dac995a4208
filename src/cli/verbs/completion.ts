/** `loam completion`: the script for a shell; with words, what could come next, one a line, which is what the scripts ask. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseYaml } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { candidates, type NamedPart } from "../completion/candidates.ts";
import { type Shell, scripts, shells } from "../completion/scripts.ts";

import type { Verb, VerbRun } from "../verb.ts";

const projectFile = "loam.yaml";

/** Names in the nearest loam.yaml, whose schema is not looked at: a half-written file completes too. */
function namesIn(folder: string): (part: NamedPart) => readonly string[] {
  let at = resolve(folder);
  while (!existsSync(join(at, projectFile)) && dirname(at) !== at) at = dirname(at);
  try {
    const file = parseYaml(readFileSync(join(at, projectFile), "utf8"), projectFile) as Partial<Record<NamedPart, object | null>>;
    return part => Object.keys(file[part] ?? {});
  } catch {
    return () => [];
  }
}

export const completionOf =
  (verbs: readonly Verb[]): VerbRun =>
  async ({ out, cwd }, [shell, ...words]) => {
    const known: readonly string[] = shells;
    if (shell === undefined || !known.includes(shell))
      throw wrongArgument("loam completion", `one of ${shells.join(", ")}`, `"${shell}"`, 'Run: eval "$(loam completion bash)"');
    const script = scripts[shell as Shell];
    const given = words.filter(w => w !== undefined);
    const found = candidates(verbs, given, namesIn(cwd));
    if (given.length === 0) out.piece(script);
    else for (const word of found) out.line(word);
    out.result(given.length === 0 ? { shell, script } : { candidates: found });
  };
