/** The pages of docs/ as a whole: one table of contents, links that lead somewhere, lines that fit a screen. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import MiniSearch from "minisearch";
import { expect, test } from "vitest";
import { markdownPages, mostColumns, withoutPadding, withParagraphs, wrapAt } from "../scripts/parts/markdown.js";
import { buildSite, siteProblems } from "../scripts/parts/site.js";
import { temporaryFolder } from "../test/support/project.ts";
import { serveSite, siteFile } from "./cli/docs-server.ts";

const root = join(import.meta.dirname, "..");
const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
  .map(f => f.replaceAll("\\", "/"))
  .filter(f => f.endsWith(".md"))
  .sort();
const all = [...pages.map(f => `docs/${f}`), "README.md", "CONTRIBUTING.md"];
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");
const withoutCode = (text: string): string =>
  text.replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "").replace(/`[^`\n]*`/g, m => "`".repeat(m.length));
const linksOf = (file: string): string[] => [...withoutCode(textOf(file)).matchAll(/\]\(([^()\s]+)\)/g)].map(m => m[1]!);

/** GitHub's anchors of a page: lower case, punctuation left out, spaces as hyphens; the second of a name has `-1`. */
function anchorsOf(file: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title] of textOf(file)
    .replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "")
    .matchAll(/^#{1,6} (.+)$/gm)) {
    const base = title!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = base;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${base}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

test("docs/README.md lists every page of docs exactly once, in four kinds", () => {
  const listed = linksOf("docs/README.md").filter(l => !l.startsWith("../") && !/^https?:/.test(l));
  const inList = listed.filter(l => l !== "README.md");
  const list = textOf("docs/README.md");
  expect([...list.matchAll(/^## (.+)$/gm)].map(m => m[1])).toEqual(["Tutorials", "Guides", "Reference", "Explanations"]);
  expect([...inList].sort()).toEqual(pages.filter(f => f !== "README.md"));
});

test("every link of the documentation leads to a file of the repository, its anchor to a heading", () => {
  const dead = all.flatMap(file =>
    linksOf(file)
      .filter(link => !/^(https?|mailto):/.test(link))
      .filter(link => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? file : relative(root, resolve(root, dirname(file), path));
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).has(anchor);
      })
      .map(link => `${file}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test("no line of a page or a README is wider than 200 columns, in tables and in code too (`npm run docs -- --format` wraps paragraphs)", () => {
  expect(markdownPages(root).length).toBeGreaterThan(180);
  const long = markdownPages(root).flatMap(file =>
    textOf(file)
      .split("\n")
      .flatMap((l, i) => (l.length > mostColumns ? [`${file}:${i + 1}: ${l.slice(0, 60)}`] : [])),
  );
  expect(long).toEqual([]);
});

test("tables have one space around each cell: padding makes every row as long as the longest (`npm run docs -- --format` removes it)", () => {
  const lines = (text: string) => text.split("\n");
  const padded = markdownPages(root).flatMap(file => {
    const unpadded = lines(withoutPadding(textOf(file)));
    return lines(textOf(file)).flatMap((l, i) => (l === unpadded[i] ? [] : [`${file}:${i + 1}: ${l.slice(0, 60)}`]));
  });
  expect(padded).toEqual([]);
});

test("padding goes, and what cells, code and comments hold stays", () => {
  const page = (...rows: string[]) => rows.join("\n");
  const code = ["```", "| a   |", "```", "<!--", "| b   |", "-->"];
  expect(withoutPadding(page("| a    | `b \\| c`  |", "| ---- | -------: |", "|      | d - e    |", "  | f  |", ...code))).toBe(
    page("| a | `b \\| c` |", "| --- | ---: |", "| | d - e |", "  | f |", ...code),
  );
});

test("a paragraph with a long line is wrapped, links and code whole; headings, code and short paragraphs stay", () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => `word${i}`).join(" ");
  const link = "[a link of several words](page.md)";
  const item = `- ${words(20)} ${link} \`code of several words\` ${words(29)}`;
  const kept = ["", `# ${words(50)}`, "", "short", "lines", "", "```", words(50), "```", `| ${words(50)} |`];
  const wrapped = withParagraphs([item, ...kept].join("\n")).split("\n");
  expect(wrapped.slice(-kept.length)).toEqual(kept);
  const lines = wrapped.slice(0, -kept.length);
  expect(lines.length).toBe(3);
  expect(lines.every(l => l.length <= wrapAt)).toBe(true);
  expect(lines.slice(1).every(l => /^ {2}[^ -]/.test(l))).toBe(true);
  expect(lines.map(l => l.trim()).join(" ")).toBe(item);
  for (const whole of [link, "`code of several words`"]) expect(lines.some(l => l.includes(whole))).toBe(true);
  expect(withParagraphs(wrapped.join("\n"), wrapAt)).toBe(wrapped.join("\n"));
  // a hyphen that begins a line begins a list
  const long = "x".repeat(wrapAt - 1);
  expect(withParagraphs(`${long} - ${words(20)}`)).toBe(`${long} -\n${words(20)}`);
});

/** Written by `npm run docs`. */
const generated = /^(api\/|cli\.md|errors\.md|loam-yaml.*\.md|request-fields\.md)/;

test("a number below 1 has its leading zero, in pages and in READMEs of examples", () => {
  const readmes = readdirSync(join(root, "examples")).flatMap(name => {
    const file = `examples/${name}/README.md`;
    return existsSync(join(root, file)) ? [file] : [];
  });
  const bare = [...all, ...readmes].flatMap(file =>
    [...withoutCode(textOf(file)).matchAll(/(?<![\w./)\]}])\.\d+/g)].map(m => `${file}: ${m[0]}`),
  );
  expect(readmes.length).toBeGreaterThan(10);
  expect(bare).toEqual([]);
});

test("no page that people write has more than 250 lines: a longer one is two pages", () => {
  const lines = (page: string) => textOf(`docs/${page}`).trimEnd().split("\n").length;
  expect(pages.filter(page => !generated.test(page) && lines(page) > 250)).toEqual([]);
});

test("the site has every page, finds a section by its words, and requests nothing elsewhere", async () => {
  const to = temporaryFolder("site");
  expect(buildSite(to).pages).toBe(pages.length);
  const { options, index } = JSON.parse(readFileSync(join(to, "assets/search.json"), "utf8"));
  const search = MiniSearch.loadJS(index, options);
  const hits = search.search("hedged requests", { combineWith: "AND", boost: { title: 4, page: 2 } }).map(h => h.url);
  expect(hits[0]).toBe("gateway-routing.html#hedged-requests");

  const server = await serveSite(to, 0);
  try {
    const answer = await fetch(`${server.url}/gateway-routing.html`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(await answer.text()).toContain('<h2 id="hedged-requests">');
    expect((await fetch(`${server.url}/`)).status).toBe(200);
    expect((await fetch(`${server.url}/none.html`)).status).toBe(404);
    expect((await fetch(`${server.url}/`, { method: "POST" })).status).toBe(405);
  } finally {
    await server.close();
  }
  for (const path of ["/../package.json", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/%zz"]) expect(siteFile(to, path), path).toBeUndefined();
});

test("the site's check names a dead page, a dead anchor and a request elsewhere", () => {
  const page = (body: string) => `<h1 id="a">A</h1>${body}`;
  const files = new Map([
    ["index.html", page('<a href="b.html#a">b</a><a href="b.html#none">x</a><a href="c.html">c</a><img src="https://example.com/x.png">')],
    ["b.html", page('<a href="#a">a</a><a href="https://example.com">elsewhere</a>')],
  ]);
  expect(siteProblems(files)).toEqual([
    'index.html: <img src="https://example.com/x.png"',
    "index.html: b.html#none",
    "index.html: c.html",
  ]);
});
