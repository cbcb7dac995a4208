/**
 * Writes what follows from the source: docs/errors.md, the verbs of docs/cli.md, the reference and JSON Schema of loam.yaml, docs/api from the declarations,
 * the picture of the modules, and the console's contract from the server's OpenAPI descriptions. Tests compare all of them.
 *   --site     only build dist/site: the pages as HTML with search, for any static server or `loam docs`
 *   --format   only remove the padding of tables and wrap long paragraphs in every page, those that people write included
 */
import "../bin/node-version.js";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { apiPages } from "./parts/api-pages.js";
import { node } from "./parts/child.js";
import { contracts } from "./parts/console-contract.js";
import { findRetired, lowered, readFiles, readRemaining, remainingFile } from "./parts/language.js";
import { formatted, markdownPages, wrapAt } from "./parts/markdown.js";
import { modulePicture, wordsOf } from "./parts/module-picture.js";
import { inRoot, programs } from "./parts/places.js";
import { loamYamlPages } from "./parts/reference.js";
import { fieldsPage, fieldsSummary } from "./parts/request-fields.js";
import { main, say } from "./parts/say.js";
import { buildSite } from "./parts/site.js";
import { setup } from "./setup.js";

const cell = text => String(text).replaceAll("|", "\\|");

/** Error tables of every module, in the order of their names. */
async function errorTables() {
  const files = readdirSync(inRoot("dist/src"), { recursive: true, encoding: "utf8" }).filter(f => /(^|[\\/])errors\.js$/.test(f));
  const modules = await Promise.all(files.map(f => import(pathToFileURL(join(inRoot("dist/src"), f)).href)));
  return modules
    .flatMap(m => Object.values(m).filter(v => v && typeof v === "object" && "room" in v && "rows" in v))
    .sort((a, b) => (a.room < b.room ? -1 : 1));
}

function errorsPage(tables, exits) {
  const sections = tables.map(t => {
    const rows = Object.entries(t.rows).map(
      ([code, r]) => `| \`${t.room}/${code}\` | ${r.status} | ${exits[r.exit]} | ${cell(r.meaning)} |`,
    );
    return `## ${t.room}\n\n| code | HTTP | exit | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  return `# Errors

An error is data first: \`code\`, \`place\`, \`expected\`, \`received\`, \`hint\`. The sentence is made from them in one place:
\`place: expected X, got Y. Try Z.\` On the command line the sentence goes to stderr, and with \`--json\` the data to stdout as
\`{"error": {...}}\`. Over HTTP the status below is used and the body has the form of the interface that was called. \`loam docs CODE\`
prints a code's meaning and the page it belongs to; in a terminal every error names that command.

The whole list of exit codes: ${Object.entries(exits)
    .map(([name, code]) => `${code} ${name}`)
    .join(", ")}. The command line uses the one in the third column.

This page is written by \`npm run docs\` from the tables in \`src/*/errors.ts\`; a test holds it against them. A new code is a row there.

${sections.join("\n")}`;
}

function verbsSection(verbs) {
  return verbs
    .map(v => {
      const options = v.options.map(
        ([flags, text, otherwise]) => `| \`${cell(flags)}\` | ${cell(text)}${otherwise === undefined ? "" : ` (${otherwise})`} |`,
      );
      const table = options.length ? `\n| option | |\n| --- | --- |\n${options.join("\n")}\n` : "";
      const words = v.table
        ? `\n| ${v.table.title} | |\n| --- | --- |\n${v.table.rows.map(([word, text]) => `| \`${word}\` | ${cell(text)} |`).join("\n")}\n\n${v.table.note}\n`
        : "";
      return `### loam ${v.usage}\n\n${v.summary}.\n${table}${words}\n\`\`\`sh\n${v.example}\n\`\`\`\n`;
    })
    .join("\n");
}

function site() {
  const { pages, sections } = buildSite();
  say("docs", `wrote ${pages} pages with ${sections} searchable sections to dist/site: loam docs shows them`);
}

/** Every page, those that people write included. */
function format() {
  for (const file of markdownPages(inRoot("."))) {
    const text = readFileSync(inRoot(file), "utf8");
    const better = formatted(text);
    if (better !== text) writeFileSync(inRoot(file), better);
  }
}

await main(async () => {
  if (process.argv.includes("--site")) return site();
  if (process.argv.includes("--format")) return format();
  await setup();
  const { exitCodes } = await import("../dist/src/base/index.js");
  const { verbs } = await import("../dist/src/cli/verbs.js");
  writeFileSync(inRoot("docs/errors.md"), formatted(errorsPage(await errorTables(), exitCodes), wrapAt));
  say("docs", "wrote docs/errors.md");
  const page = inRoot("docs/cli.md");
  const marks = /(<!-- verbs -->\n)[\s\S]*(<!-- end of verbs -->)/;
  writeFileSync(
    page,
    readFileSync(page, "utf8").replace(marks, (_, from, to) => `${from}\n${formatted(verbsSection(verbs), wrapAt)}\n${to}`),
  );
  say("docs", "wrote the verbs of docs/cli.md");
  const { requestFields } = await import("../dist/src/protocols/index.js");
  writeFileSync(inRoot("docs/request-fields.md"), fieldsPage(requestFields));
  const contractsPage = inRoot("docs/contracts.md");
  writeFileSync(
    contractsPage,
    readFileSync(contractsPage, "utf8").replace(
      /(<!-- fields -->\n)[\s\S]*(<!-- end of fields -->)/,
      (_, from, to) => `${from}\n${fieldsSummary(requestFields)}\n${to}`,
    ),
  );
  say("docs", "wrote docs/request-fields.md and the fields of docs/contracts.md");
  const { consoleDocument } = await import("../dist/src/serve/http/console-operations.js");
  const { adminDocument } = await import("../dist/src/gateway/admin/openapi.js");
  const written = contracts({ server: consoleDocument("0"), gateway: adminDocument() });
  for (const [file, source] of Object.entries(written)) writeFileSync(inRoot(file), source);
  say("docs", `wrote ${Object.keys(written).join(", ")}`);
  const { jsonSchemaOf } = await import("../dist/src/project/json-schema/index.js");
  const schema = jsonSchemaOf("loam");
  writeFileSync(inRoot("docs/loam.schema.json"), `${JSON.stringify(schema, null, 1)}\n`);
  const pages = Object.entries(loamYamlPages(schema)).map(([name, text]) => [`docs/${name}`, text]);
  for (const [file, text] of pages) writeFileSync(inRoot(file), text);
  say("docs", "wrote docs/loam.schema.json and the reference of loam.yaml");
  rmSync(inRoot("docs/api"), { recursive: true, force: true });
  mkdirSync(inRoot("docs/api"));
  for (const [path, text] of apiPages()) writeFileSync(inRoot("docs", path), text);
  say("docs", "wrote docs/api");
  const { modules } = await import("../dist/src/modules.js");
  writeFileSync(inRoot("docs/pictures/modules.svg"), modulePicture(modules, wordsOf(modules, inRoot("src"))));
  say("docs", "drew docs/pictures/modules.svg");
  format();
  await node(programs.biome, ["format", "--write", "docs/loam.schema.json", ...Object.keys(written)]);
  // last, for it counts words of the pages
  const words = lowered(readRemaining(), findRetired(inRoot(".")), readFiles(inRoot(".")));
  writeFileSync(remainingFile, `${JSON.stringify(words, null, 2)}\n`);
  say("docs", "wrote scripts/language/remaining.json");
});
