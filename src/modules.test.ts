import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { adapters, folderDoors, modules, partPackages, parts, sideDoors } from "./modules.ts";

const source = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter(f => /\.m?[tj]s$/.test(f))
  .map(f => join(source, f));
const importsOf = (file: string) =>
  [
    ...readFileSync(file, "utf8").matchAll(
      /(?:^|\n)\s*(?:import|export)[^"'`;]*?from\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g,
    ),
  ].map(m => m[1] ?? m[2]!);
const moduleOf = (file: string) => relative(source, file).split(sep)[0]!;

test("every import between modules is an arrow of the table, through the other module's door", () => {
  const broken: string[] = [];
  for (const file of files) {
    const module = moduleOf(file);
    if (!(module in modules)) continue;
    for (const target of importsOf(file).filter(t => t.startsWith("."))) {
      const path = relative(source, join(file, "..", target))
        .split(sep)
        .join("/");
      const other = path.split("/")[0]!;
      if (other === module || !(other in modules)) continue;
      const allowed = (modules[module as keyof typeof modules] as readonly string[]).includes(other);
      const isFolderDoor = /^\w+\/[\w-]+\/index\.ts$/.test(path) && folderDoors[other]?.includes(module);
      const isDoor = path === `${other}/index.ts` || path === `${other}/part.ts` || isFolderDoor || sideDoors[path]?.includes(module);
      if (!allowed || !isDoor) broken.push(`${relative(source, file)} -> ${path}`);
    }
  }
  expect(broken).toEqual([]);
});

/** Imports that are there when a program runs. */
const loadedBy = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/(?:^|\n)(?:import|export)\s+(?!type\b)([^"'`;]*?)from\s*"([^"]+)"/g)]
    .filter(([, names]) => !/^\{(?:\s*type\s[^,}]+,?)+\s*\}\s*$/.test(names!))
    .map(m => m[2]!);

test("a part reaches schemas alone: zod and yaml, parts of the modules that the table allows, no other file of theirs", () => {
  const broken: string[] = [];
  const folders = readdirSync(source, { withFileTypes: true }).filter(e => e.isDirectory());
  const withPart = folders.map(e => e.name).filter(module => readdirSync(join(source, module)).includes("part.ts"));
  expect(withPart.sort()).toEqual(Object.keys(parts).sort());
  for (const [module, allowed] of Object.entries(parts)) {
    const seen = new Set<string>();
    const follow = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const name = relative(source, file).split(sep).join("/");
      for (const target of loadedBy(file)) {
        if (!target.startsWith(".")) {
          if (!Object.hasOwn(partPackages, target)) broken.push(`${name} -> ${target}`);
          continue;
        }
        const next = join(file, "..", target);
        const other = moduleOf(next);
        if (other === module) follow(next);
        else if (!(allowed as readonly string[]).includes(other) || relative(source, next) !== join(other, "part.ts"))
          broken.push(`${name} -> ${relative(source, next)}`);
      }
    };
    follow(join(source, module, "part.ts"));
    // two schemas a step, a method, a guard: a part that reaches more has let an engine in
    expect(seen.size, module).toBeLessThan(70);
  }
  expect(broken).toEqual([]);
});

test("every package that parts may reach is reached by one", () => {
  const reached = new Set(files.filter(f => !f.endsWith(".test.ts")).flatMap(loadedBy));
  expect(Object.keys(partPackages).filter(name => !reached.has(name))).toEqual([]);
});

test("what a side door offers, no door of everybody's does", () => {
  for (const [file, allowed] of Object.entries(sideDoors)) {
    const module = file.split("/")[0]!;
    const offered = [...readFileSync(join(source, file), "utf8").matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(m => m[1]!);
    expect(offered).not.toEqual([]);
    for (const open of [module, ...allowed]) {
      const door = readFileSync(join(source, open, "index.ts"), "utf8");
      for (const name of offered) expect(door, `${open}/index.ts`).not.toMatch(new RegExp(`\\b${name}\\b|export \\* from`));
    }
  }
});

test("the table has no circle", () => {
  const reach = (module: string, seen: readonly string[]): void => {
    expect(seen, `${[...seen, module].join(" -> ")}`).not.toContain(module);
    for (const next of modules[module as keyof typeof modules]) reach(next, [...seen, module]);
  };
  for (const module of Object.keys(modules)) reach(module, []);
});

test("a heavy package is imported in its adapter files only", () => {
  const wrong: string[] = [];
  for (const file of files) {
    if (file.endsWith(".test.ts")) continue;
    const path = `src/${relative(source, file).split(sep).join("/")}`;
    for (const target of importsOf(file))
      if (target in adapters && ![adapters[target]!].flat().includes(path)) wrong.push(`${path} imports ${target}`);
  }
  expect(wrong).toEqual([]);
});

test("every folder of the source is a module with a door", () => {
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    expect(Object.keys(modules)).toContain(entry.name);
    expect(readdirSync(join(source, entry.name))).toContain("index.ts");
  }
});

test("documentation imports Loam under the name by which a new project installs it, modules by their doors", () => {
  const root = join(source, "..");
  const docs = readdirSync(join(root, "docs")).filter(f => f.endsWith(".md"));
  const pages = [...docs.map(f => join(root, "docs", f)), join(root, "README.md")];
  expect((JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { name: string }).name).toBe("loam");
  const imported = pages.flatMap(f => importsOf(f).map(t => [relative(root, f), t] as const)).filter(([, t]) => /\bloam\b/.test(t));
  expect(imported.length).toBeGreaterThan(5);
  const isRoom = (target: string) => target === "loam" || (target.startsWith("loam/") && target.slice(5) in modules);
  expect(imported.filter(([, target]) => !isRoom(target))).toEqual([]);
});

test("no text installs or starts a package named loam from the registry, where that name is another project's", () => {
  const root = join(source, "..");
  const below = (folder: string, pattern: RegExp) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter(f => pattern.test(f) && !f.includes("node_modules"))
      .map(f => join(root, folder, f));
  const texts = [
    ...below("docs", /\.md$/),
    ...below("templates", /\.\w+$|^npmrc$/),
    ...below("examples", /\.(md|js|yaml)$/),
    ...files.filter(f => !f.endsWith(".test.ts")),
    ...["README.md", "CONTRIBUTING.md"].map(f => join(root, f)),
  ];
  const install = /\b(?:npm|pnpm|yarn|bun)\s+(?:install|i|add|exec)\s+(?:-\S+\s+)*"?loam(?:@\S+)?"?(?![\w./-])/;
  const fetched = /\bnpx\s+(?:-y|--yes|-p|--package\S*)\s+loam\b|@loam-life/;
  expect(install.test("npm install --save-exact loam\n")).toBe(true);
  expect(texts.length).toBeGreaterThan(500);
  expect(texts.filter(f => install.test(readFileSync(f, "utf8")) || fetched.test(readFileSync(f, "utf8")))).toEqual([]);
});

test("the example of a model of one's own imports what a new project has: Loam, Node and its own files", () => {
  const folder = join(source, "..", "examples", "your-own-model");
  const targets = readdirSync(folder)
    .filter(f => f.endsWith(".js"))
    .flatMap(f => importsOf(join(folder, f)).map(t => [f, t] as const));
  expect(targets.length).toBeGreaterThan(5);
  expect(targets.filter(([, t]) => !/^(node:|\.\/|loam$|loam\/)/.test(t))).toEqual([]);
});
