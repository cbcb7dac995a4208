/** The structure of the source: an exported name says one thing, functions are short, casts carry a reason, and what is exported is used. */
import { expect, test } from "vitest";
import { readSourceTree, type SourceFile } from "../test/support/source-tree.ts";
import { modules } from "./modules.ts";
import { knownCasts, knownDuplicates, knownLongFunctions, knownUnused } from "./structure-exceptions.laws.ts";

const isTest = (f: SourceFile) => /\.(?:test|laws)\.ts$/.test(f.path);
const tree = readSourceTree(["src", "test", "bench", "examples", "console", "scripts"]);
const source = tree.filter(f => f.path.startsWith("src/") && f.path.endsWith(".ts") && !isTest(f));
const inSource = (path: string) => path.replace(/^src\//, "");

/** Exceptions are as many as are known, and no more: what is mended leaves the list. */
const expectKnown = (found: readonly string[], known: readonly string[], what: string) => {
  const [left, right] = [new Set(found), new Set(known)];
  expect(found.filter(x => !right.has(x)).sort(), `${what}: new ones`).toEqual([]);
  expect(known.filter(x => !left.has(x)).sort(), `${what}: mended ones, which leave the list in structure-exceptions.laws.ts`).toEqual([]);
};

test("an exported name is declared once in the source, or stands on a list with a reason", () => {
  const files = new Map<string, string[]>();
  for (const f of source) for (const name of f.declared) files.set(name, [...(files.get(name) ?? []), inSource(f.path)]);
  const duplicates = [...files].filter(([, where]) => where.length > 1).map(([name, where]) => `${name}: ${where.sort().join(" ")}`);
  expect(source.length).toBeGreaterThan(1000);
  expectKnown(duplicates, Object.values(knownDuplicates).flat(), "names that two files export");
});

test("a function has at most 80 lines, or stands on a list", () => {
  const long = source.flatMap(f => f.functions.filter(({ lines }) => lines > 80).map(({ name }) => `${inSource(f.path)} ${name}`));
  expectKnown(long, knownLongFunctions, "functions over 80 lines");
});

test("a cast that the compiler cannot check carries a reason on its line or above, or stands on a list", () => {
  const casts = source.flatMap(f => {
    const bare = f.casts.filter(c => !c.hasReason).length;
    return bare > 0 ? [`${inSource(f.path)}: ${bare}`] : [];
  });
  expectKnown(casts, knownCasts, "`as never` and `as unknown as` without a reason");
});

test("what a file exports, another one imports; what a module's index.ts exports is its public API", () => {
  const isDoor = (path: string) =>
    /^src\/(?:[\w-]+\/)?index\.ts$/.test(path) && (path === "src/index.ts" || path.split("/")[1]! in modules);
  const used = new Map<string, Set<string>>();
  for (const f of tree)
    for (const { file, name } of f.imports) if (file !== f.path) (used.get(file) ?? used.set(file, new Set()).get(file)!).add(name);
  const unused = source
    .filter(f => !isDoor(f.path) && !used.get(f.path)?.has("*"))
    .flatMap(f => [...f.declared, ...f.passedOn].filter(name => !used.get(f.path)?.has(name)).map(name => `${inSource(f.path)} ${name}`));
  expectKnown(unused, knownUnused, "exports that nothing imports");
});
