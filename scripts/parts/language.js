/**
 * Words that the project no longer uses, in what users read: texts of the console, help, error messages and output (strings of two words and more, and text
 * in markup) and prose of the documentation. Comments, names, code in documentation and tests are no such thing. `scripts/language/retired.json` has the
 * words, `remaining.json` how often each file still has some: a file may have no more, and `npm run docs` lowers what is fewer.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseSync } from "vite";

const inLanguage = name => join(import.meta.dirname, "../language", name);
export const remainingFile = inLanguage("remaining.json");
export const readRemaining = () => JSON.parse(readFileSync(remainingFile, "utf8"));

/** Each with its pattern as whole words; case counts in no way. */
export const retired = JSON.parse(readFileSync(inLanguage("retired.json"), "utf8")).map(({ pattern, write }) => ({
  pattern: new RegExp(`(?<![\\w-])(?:${pattern})(?![\\w])`, "gi"),
  write,
}));

/** Written from tables that are looked at themselves. */
const generated = [
  "docs/errors.md",
  "docs/cli.md",
  "console/src/generated/server.ts",
  "console/src/generated/watch.ts",
  "console/src/generated/governance.ts",
  "console/src/generated/gateway.ts",
];
/** What was tried and measured stands as it was written. */
const historical = ["docs/log.md", "docs/log-engine.md"];

/** Keys of a tree whose strings nobody reads. */
const unread = new Set(["ImportDeclaration", "ExportAllDeclaration", "ExportNamedDeclaration", "ImportExpression", "TSLiteralType"]);

function* textsIn(node) {
  if (Array.isArray(node)) {
    for (const one of node) yield* textsIn(one);
    return;
  }
  if (node === null || typeof node !== "object" || typeof node.type !== "string") return;
  if (node.type === "Literal") {
    if (typeof node.value === "string" && /\S\s+\S/.test(node.value)) yield node.value;
    return;
  }
  if (node.type === "JSXText") {
    yield node.value;
    return;
  }
  // an expression between two texts ends no sentence
  if (node.type === "TemplateLiteral") yield node.quasis.map(q => q.value.cooked ?? "").join("…");
  for (const [key, value] of Object.entries(node)) {
    if (key === "quasis" || (key === "source" && unread.has(node.type))) continue;
    if (value !== null && typeof value === "object" && !unread.has(value.type ?? "")) yield* textsIn(value);
    else if (value?.type === "ExportNamedDeclaration" && value.declaration) yield* textsIn(value.declaration);
  }
}

/** Prose of a page: without code, addresses and comments. */
const proseOf = text =>
  text
    .replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "")
    .replace(/`[^`\n]*`/g, "…")
    .replace(/\]\([^)]*\)/g, "]")
    .replace(/<!--[\s\S]*?-->/g, "");

/** What users read of a file. */
export function textsOf(path, text) {
  if (path.endsWith(".md")) return [proseOf(text)];
  const { program } = parseSync(path, text);
  return [...textsIn(program.body.flatMap(n => (n.type === "ExportNamedDeclaration" ? (n.declaration ?? []) : n)))];
}

/** Finds of a file: the words as they stand, and what to write. */
export const retiredIn = (path, text) =>
  textsOf(path, text).flatMap(said =>
    retired.flatMap(({ pattern, write }) =>
      [...said.replace(/\s+/g, " ").matchAll(pattern)].map(m => ({
        words: m[0],
        write,
        within: said.slice(Math.max(0, m.index - 30), m.index + 50),
      })),
    ),
  );

/** Files whose texts users read. */
export function readFiles(root) {
  const below = (folder, fits) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map(f => `${folder}/${f.replaceAll("\\", "/")}`)
      .filter(fits);
  const isSource = f => /\.tsx?$/.test(f) && !/\.(test|laws)\.tsx?$|fakes\.ts$|\.d\.ts$/.test(f);
  const all = [
    ...below("src", isSource),
    ...below("console/src", isSource),
    ...below("docs", f => f.endsWith(".md") && !f.startsWith("docs/decisions/")),
    ...below("templates", f => f.endsWith(".md")),
    "README.md",
    "CONTRIBUTING.md",
  ];
  return all.filter(f => !generated.includes(f) && !historical.includes(f)).sort();
}

/** Finds by file, of files with any. */
export const findRetired = root =>
  Object.fromEntries(
    readFiles(root)
      .map(file => [file, retiredIn(file, readFileSync(join(root, file), "utf8"))])
      .filter(([, found]) => found.length > 0),
  );

/** What each file may still have: its count, or that of a file of its name which is no longer where it was. */
export function allowances(remaining, files) {
  const gone = new Map(
    Object.keys(remaining)
      .filter(file => !files.includes(file))
      .map(file => [basename(file), file]),
  );
  return Object.fromEntries(files.map(file => [file, remaining[file] ?? remaining[gone.get(basename(file))] ?? 0]));
}

/** The list that is left: no file has more than it may, and what it no longer has does not come back. */
export const lowered = (remaining, found, files) =>
  Object.fromEntries(
    Object.entries(allowances(remaining, files))
      .map(([file, count]) => [file, Math.min(count, found[file]?.length ?? 0)])
      .filter(([, count]) => count > 0),
  );
