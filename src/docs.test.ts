/** The pages of docs/ as a whole: one table of contents, links that lead somewhere, lines that fit a screen. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

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
