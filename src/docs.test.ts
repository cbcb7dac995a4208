/** The pages of docs/ as a whole: one table of contents, links that lead somewhere, lines that fit a screen. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import MiniSearch from "minisearch";
import { expect, test } from "vitest";
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

/** Columns of a line of prose. Rows of tables may be longer: they cannot be broken. */
const mostColumns = 200;
/** Pages with longer lines still, written before this rule or by a generator; the list only gets shorter. */
const wide = /^docs\/(api\/|console\.md|efficiency\.md|loam-yaml|request-fields\.md|cli\.md|errors\.md)/;

test("no line of prose is wider than 200 columns", () => {
  const prose = (file: string): string[] =>
    textOf(file)
      .replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "")
      .split("\n")
      .filter(l => !l.trimStart().startsWith("|"));
  const long = all
    .filter(file => !wide.test(file))
    .flatMap(file =>
      prose(file)
        .filter(l => l.length > mostColumns)
        .map(l => `${file}: ${l.slice(0, 60)}`),
    );
  expect(long).toEqual([]);
});

/** Written by `npm run docs`. */
const generated = /^(api\/|cli\.md|errors\.md|loam-yaml.*\.md|request-fields\.md)/;

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
