/**
 * The documentation as static pages with full-text search, in dist/site: markdown-it renders, MiniSearch indexes a section at a time. Pages, styles, the
 * index and its program come from the folder itself; no page requests anything elsewhere. Why not VitePress: docs/decisions/009-static-site.md.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import markdown from "markdown-it";
import MiniSearch from "minisearch";
import { anchorsOfPage } from "./anchors.js";
import { inRoot } from "./places.js";

/** Both sides read these: the index is made here and loaded by scripts/site/site.js in the browser. */
const indexOptions = { fields: ["title", "page", "text"], storeFields: ["title", "page", "url"] };

const escaped = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** `README.md` of a folder is its index. */
const addressOf = path => path.replace(/(^|\/)README\.md$/, "$1index.html").replace(/\.md$/, ".html");

/** A link of a page as the site has it; undefined where it leads to a file of the repository that the site has not. */
function siteLink(page, href) {
  if (/^(https?|mailto):/.test(href)) return href;
  const [path, anchor] = href.split("#");
  const suffix = anchor === undefined ? "" : `#${anchor}`;
  if (path === "") return suffix;
  const target = posix.normalize(posix.join(posix.dirname(page), path));
  if (target.startsWith("..")) return undefined;
  return posix.relative(posix.dirname(page), addressOf(target)) + suffix;
}

const textOfInline = token =>
  token.children
    .filter(t => t.type === "text" || t.type === "code_inline")
    .map(t => t.content)
    .join("");

/** Anchors on headings, addresses on links, a place to scroll for each table; the sections of the page for the index. */
function rendered(page, source) {
  const md = markdown({ html: false });
  const tokens = md.parse(source.replace(/<!--[\s\S]*?-->\n?/g, ""), {});
  const nextAnchor = anchorsOfPage();
  const sections = [];
  let heading = false;
  for (const [i, token] of tokens.entries()) {
    if (token.type === "heading_open") {
      const title = textOfInline(tokens[i + 1]);
      const anchor = nextAnchor(title);
      token.attrSet("id", anchor);
      sections.push({ title, anchor, text: [] });
      heading = true;
    } else if (token.type === "heading_close") heading = false;
    else if (token.type === "inline" && !heading) sections.at(-1)?.text.push(textOfInline(token));
    else if (token.type === "fence") sections.at(-1)?.text.push(token.content);
    for (const child of token.children ?? []) {
      if (child.type !== "link_open") continue;
      const link = siteLink(page, child.attrGet("href"));
      if (link === undefined) {
        child.attrs = [["class", "repository"]];
        child.tag = "span";
      } else child.attrSet("href", link);
    }
  }
  for (const token of tokens) {
    const open = [];
    for (const child of token.children ?? [])
      if (child.type === "link_open") open.push(child.tag);
      else if (child.type === "link_close") child.tag = open.pop();
  }
  md.renderer.rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="table"><table>\n';
  md.renderer.rules.table_close = () => "</table></div>\n";
  return { html: md.renderer.render(tokens, md.options, {}), sections };
}

/** The kinds and groups of docs/README.md, as navigation. */
function groupsOf(contents) {
  const links = text => [...text.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, title, path]) => ({ title, path }));
  return contents
    .split(/^## /m)
    .slice(1)
    .map(part => ({
      kind: part.split("\n")[0],
      groups: part
        .split(/^- \*\*/m)
        .slice(1)
        .map(group => ({ name: group.split("**")[0], pages: links(group) })),
    }));
}

function navigation(kinds, page) {
  const item = ({ title, path }) =>
    `<li><a href="${posix.relative(posix.dirname(page), addressOf(path))}"${path === page ? ' aria-current="page"' : ""}>${escaped(title)}</a></li>`;
  return kinds
    .map(({ kind, groups }) => {
      const inside = groups.map(g => {
        const isOpen = g.pages.some(p => p.path === page) ? " open" : "";
        return `<details${isOpen}><summary>${escaped(g.name)}</summary><ul>${g.pages.map(item).join("")}</ul></details>`;
      });
      return `<h2>${escaped(kind)}</h2>${inside.join("")}`;
    })
    .join("");
}

function pageHtml({ page, title, html, nav }) {
  const top = posix.relative(posix.dirname(page), ".") || ".";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'self'">
<title>${escaped(title)} - Loam</title>
<link rel="icon" href="${top}/assets/icon.svg">
<link rel="stylesheet" href="${top}/assets/site.css">
<script defer src="${top}/assets/minisearch.js"></script>
<script defer src="${top}/assets/site.js"></script>
</head>
<body data-top="${top}">
<a class="skip" href="#content">Skip to content</a>
<header>
<a class="home" href="${top}/index.html">Loam</a>
<form role="search"><label for="search">Search</label><input id="search" type="search" autocomplete="off" aria-controls="found"></form>
</header>
<div id="found" role="region" aria-live="polite" aria-label="Search results" hidden></div>
<div class="columns">
<nav aria-label="Documentation"><details class="menu"><summary>Contents</summary>${nav}</details></nav>
<main id="content">
${html}</main>
</div>
</body>
</html>
`;
}

/** Addresses in the pages that lead nowhere, and what a page would request from elsewhere. */
export function siteProblems(files) {
  const ids = new Map([...files].map(([file, html]) => [file, new Set([...html.matchAll(/ id="([^"]*)"/g)].map(m => m[1]))]));
  return [...files].flatMap(([file, html]) => {
    const requests = [...html.matchAll(/<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)="(?:https?:)?\/\/[^"]*"/g)].map(m => m[0]);
    const dead = [...html.matchAll(/<a\b[^>]* href="([^"]*)"/g)]
      .map(m => m[1].replaceAll("&amp;", "&"))
      .filter(href => !/^(https?|mailto):/.test(href))
      .filter(href => {
        const [path, anchor] = href.split("#");
        const target = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), path));
        if (!target.endsWith(".html")) return false;
        return !ids.has(target) || (anchor !== undefined && anchor !== "" && !ids.get(target).has(decodeURIComponent(anchor)));
      });
    return [...requests, ...dead].map(what => `${file}: ${what}`);
  });
}

/** Writes the site below `to`, whole or not at all: who reads there meanwhile finds the old pages or the new ones. Fails with every dead link named. */
export function buildSite(to = inRoot("dist/site"), docs = inRoot("docs")) {
  const pages = readdirSync(docs, { recursive: true, encoding: "utf8" })
    .map(f => f.replaceAll("\\", "/"))
    .filter(f => f.endsWith(".md"))
    .sort();
  const kinds = groupsOf(readFileSync(join(docs, "README.md"), "utf8"));
  const index = new MiniSearch(indexOptions);
  const files = new Map();
  for (const page of pages) {
    const { html, sections } = rendered(page, readFileSync(join(docs, page), "utf8"));
    const title = sections[0]?.title ?? page;
    const address = addressOf(page);
    for (const s of sections)
      index.add({ id: `${address}#${s.anchor}`, url: `${address}#${s.anchor}`, title: s.title, page: title, text: s.text.join("\n") });
    files.set(address, pageHtml({ page, title, html, nav: navigation(kinds, page) }));
  }
  const problems = siteProblems(files);
  if (problems.length > 0)
    throw new Error(`links of the site: expected none dead and no request elsewhere, got\n  ${problems.join("\n  ")}`);
  mkdirSync(dirname(to), { recursive: true });
  const made = mkdtempSync(`${to}-`);
  try {
    writeSite(join(made, "new"), docs, files, index);
    replaceFolder(to, join(made, "new"), join(made, "old"));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return { pages: files.size, sections: index.documentCount };
}

/** Puts `made` at `to`; what was there goes to `aside`. Another process that does the same at this moment only comes before or after. */
function replaceFolder(to, made, aside) {
  for (let tries = 0; ; tries++)
    try {
      if (existsSync(to)) renameSync(to, `${aside}-${tries}`);
      return renameSync(made, to);
    } catch (error) {
      if (tries === 9 || !["ENOENT", "ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) throw error;
    }
}

function writeSite(to, docs, files, index) {
  mkdirSync(join(to, "assets"), { recursive: true });
  for (const [file, html] of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    writeFileSync(join(to, file), html);
  }
  cpSync(join(docs, "pictures"), join(to, "pictures"), { recursive: true });
  cpSync(join(docs, "loam.schema.json"), join(to, "loam.schema.json"));
  for (const asset of ["icon.svg", "site.css", "site.js"]) cpSync(inRoot("scripts/site", asset), join(to, "assets", asset));
  cpSync(inRoot("node_modules/minisearch/dist/umd/index.js"), join(to, "assets/minisearch.js"));
  writeFileSync(join(to, "assets/search.json"), JSON.stringify({ options: indexOptions, index: index.toJSON() }));
}
