/** Programs in the guides, as a user's compiler sees them: what they import from Loam is exported, and how they call it fits its types. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { programs } from "../scripts/parts/places.js";
import { root } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";

const run = promisify(execFile);

/** Names that a page's program takes from the program around it. */
const around: Readonly<Record<string, readonly string[]>> = {
  "docs/adapters.md": ["model", "device", "tokens", "write"],
  "docs/gateway-operations.md": ["request", "response", "body"],
  "docs/monitors.md": ["minutes"],
  "docs/openai-api.md": ["model", "device", "texts"],
  "docs/search.md": ["trainFurther", "heldOutLoss"],
  "docs/serving.md": ["files", "device", "tokenizer", "fingerprint", "tokens", "write"],
  "docs/serving-versions.md": ["source"],
};

interface Program {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** docs/library.md and docs/api are compiled as wholes (library-page.test.ts). */
const pages = [
  ...readdirSync(join(root, "docs"))
    .filter(f => f.endsWith(".md") && f !== "library.md")
    .map(f => `docs/${f}`),
  ...readdirSync(join(root, "docs", "tutorials")).map(f => `docs/tutorials/${f}`),
  ...readdirSync(join(root, "examples")).map(f => `examples/${f}/README.md`),
  "README.md",
].filter(f => existsSync(join(root, f)));

const importsOf = (text: string): string[] => [...text.matchAll(/ from "([^"]+)"/g)].map(m => m[1]!);
const packageOf = (path: string): string =>
  path
    .split("/")
    .slice(0, path.startsWith("@") ? 2 : 1)
    .join("/");
const isThere = (path: string): boolean =>
  !path.startsWith(".") &&
  (packageOf(path) === "loam" || path.startsWith("node:") || existsSync(join(root, "node_modules", packageOf(path))));

/** Blocks that import something, all of which is installed here; files of the repository, whose imports are relative, are compiled by other tests. */
const found: readonly Program[] = pages.flatMap(page =>
  codeBlocks(readFileSync(join(root, page), "utf8"))
    .filter(({ language, text }) => ["ts", "js"].includes(language) && importsOf(text).length > 0 && importsOf(text).every(isThere))
    // a part of a program, with what is left out as `...`
    .filter(({ text }) => !/^ *\.\.\.$/m.test(text))
    .map(({ language, text, line }) => ({ page, line, language, text })),
);

const options = {
  module: "nodenext",
  target: "es2023",
  lib: ["es2023", "esnext.disposable", "dom"],
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
  typeRoots: [join(root, "node_modules", "@types")],
  // examples leave types of parameters out
  noImplicitAny: false,
};

/** Errors of types in programs, each with its page and line. */
async function errorsOf(list: readonly Program[]): Promise<string[]> {
  const folder = temporaryFolder("guides");
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "loam"), "junction");
  const names = new Set(list.flatMap(p => importsOf(p.text).map(packageOf)).filter(n => n !== "loam" && !n.startsWith("node:")));
  for (const name of names) {
    if (name.startsWith("@")) mkdirSync(join(folder, "node_modules", name.split("/")[0]!), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name), "junction");
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const fileOf = (p: Program, i: number) => `${i}.${p.language}`;
  list.forEach((p, i) => {
    writeFileSync(join(folder, fileOf(p, i)), `${p.text}\nexport {};\n`);
    const given = (around[p.page] ?? []).map(name => `declare const ${name}: any;\n`).join("");
    if (given !== "") writeFileSync(join(folder, `around-${i}.d.ts`), given);
  });
  const errors: string[] = [];
  // a page's surroundings are global, so each page is a compilation; pages without any are one
  const groups = new Map<string, [number, Program][]>();
  for (const [i, p] of list.entries()) {
    const name = around[p.page] ? p.page : "";
    groups.set(name, [...(groups.get(name) ?? []), [i, p]]);
  }
  for (const [name, group] of groups) {
    const files = group.map(([i, p]) => fileOf(p, i));
    if (name !== "") files.push(`around-${group[0]![0]}.d.ts`);
    const config = { compilerOptions: { ...options, strict: true, allowJs: true, checkJs: true }, files };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const output = await run(process.execPath, [programs.tsc, "-p", "tsconfig.json", "--pretty", "false"], { cwd: folder }).then(
      () => "",
      (error: { readonly stdout: string }) => error.stdout,
    );
    for (const [, i, line, message] of output.matchAll(/^(\d+)\.[jt]s\((\d+),\d+\): (.*)$/gm)) {
      const p = list[Number(i)]!;
      errors.push(`${p.page}:${p.line + Number(line) - 1}: ${message}`);
    }
  }
  return errors;
}

test("every program of a guide imports what is exported and calls it as its types say", async () => {
  expect(found.length).toBeGreaterThan(30);
  expect(await errorsOf(found)).toEqual([]);
});

/** A program, and what its page says that it prints: below it as a block, or in its sentence. */
const printing = /^```ts\n((?:(?!^```)[\s\S])*?)^```\n\nIt prints(?: `([^`\n]+)`\.|:\n\n```(?:text)?\n([\s\S]*?)^```$)/gm;
const printed = pages.flatMap(page =>
  [...readFileSync(join(root, page), "utf8").matchAll(printing)].map(([, text, line, block]) => ({
    page,
    text: text!,
    output: (line ?? block!).trim(),
  })),
);

test("programs of the guides on monitoring print what their pages say", async () => {
  const ran = printed.filter(({ page }) => ["docs/watch.md", "docs/drift.md", "docs/comparison.md"].includes(page));
  expect(ran.map(p => p.page).sort()).toEqual(["docs/comparison.md", "docs/drift.md", "docs/drift.md", "docs/watch.md"]);
  const folder = temporaryFolder("guides");
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "loam"), "junction");
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const compilerOptions = { ...options, noEmit: false, noCheck: true };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ran.map((_, i) => `${i}.ts`) }));
  for (const [i, { text }] of ran.entries()) writeFileSync(join(folder, `${i}.ts`), text);
  await run(process.execPath, [programs.tsc, "-p", "tsconfig.json"], { cwd: folder });
  for (const [i, { page, output }] of ran.entries()) {
    const { stdout } = await run(process.execPath, [`${i}.js`], { cwd: folder });
    expect(stdout.trim(), page).toBe(output);
  }
});

test("an export that is not there, a wrong option and an unknown name are found, with page and line", async () => {
  const program = (text: string): Program => ({ page: "docs/x.md", line: 10, language: "ts", text });
  const errors = await errorsOf([
    program('import { nothing } from "loam";\nnothing();\n'),
    program('import { openDevice } from "loam";\nopenDevice(7);\n'),
    program('import { openDevice } from "loam";\nopenDevice("cpu");\nconsole.log(elsewhere);\n'),
  ]);
  expect(errors.map(e => e.split(":").slice(0, 2).join(":"))).toEqual(["docs/x.md:10", "docs/x.md:11", "docs/x.md:12"]);
});
