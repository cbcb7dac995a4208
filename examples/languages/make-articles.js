// Writes a search across languages from the same declarations: tasks/articles/corpus.jsonl, the articles in English, and tasks/articles/queries.jsonl,
// every article in every other language with the one that answers it. Run: node examples/languages/make-articles.js
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { declarationsByLanguage } from "./declarations.js";

const here = join(dirname(fileURLToPath(import.meta.url)), "tasks", "articles");
const searched = "eng";

const all = [...declarationsByLanguage()];
const corpus = all.find(d => d.language === searched).articles.map(({ number, text }) => ({ _id: number, text }));
const inEnglish = new Set(corpus.map(d => d._id));
const queries = all
  .filter(d => d.language !== searched)
  .flatMap(({ language, family, articles }) =>
    articles
      .filter(a => a.text !== "" && inEnglish.has(a.number))
      .map(({ number, text }) => ({ id: `${language}-${number}`, text, language, family, article: number })),
  );
mkdirSync(here, { recursive: true });
const write = (name, items) => writeFileSync(join(here, name), items.map(i => `${JSON.stringify(i)}\n`).join(""));
write("corpus.jsonl", corpus);
write("queries.jsonl", queries);
process.stdout.write(`${queries.length} queries, ${corpus.length} documents\n`);
