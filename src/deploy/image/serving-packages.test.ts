import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { planOperator } from "../operator/index.ts";
import { installedPackages, leftOutPackages, servedPackages, servingBundle } from "./serving-packages.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

test("no package is both in the image and left out, and what is left out is installed by nothing that is in it", () => {
  const inside = new Set(installedPackages(root, []).map(p => p.name));
  expect(Object.keys(servedPackages).filter(p => p in leftOutPackages)).toEqual([]);
  expect(Object.keys(leftOutPackages).filter(p => inside.has(p))).toEqual([]);
  expect([...inside]).toEqual(expect.arrayContaining(["koffi", "@grpc/grpc-js", "tdigest"]));
});

test("a package that is not installed is an error that names it and says what to run", () => {
  expect(() => installedPackages(root, [{ package: "sherpa-onnx-none-x64", file: "lib.so" }])).toThrow(
    /node_modules\/sherpa-onnx-none-x64: expected the package, installed, got none\. Run `npm ci`/,
  );
});

function temporary(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "loam-bundle-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A package whose program exports its version and those of its dependencies. */
function writePackage(folder: string, name: string, version: string, dependencies: Readonly<Record<string, string>> = {}): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, main: "index.js", dependencies }));
  const asked = Object.keys(dependencies).map(d => `...require(${JSON.stringify(d)})`);
  writeFileSync(join(folder, "index.js"), `module.exports = [${[JSON.stringify(`${name}@${version}`), ...asked].join(", ")}];`);
}

function writeOwn(folder: string): void {
  mkdirSync(join(folder, "bin"), { recursive: true });
  mkdirSync(join(folder, "dist", "bundle"), { recursive: true });
  mkdirSync(join(folder, "models"));
  writePackage(folder, "loam", "0.1.0");
  for (const file of ["LICENSE", "bin/loam.js", "dist/bundle/main.js"]) writeFileSync(join(folder, file), "");
}

const link = (to: string, from: string): void => {
  mkdirSync(dirname(from), { recursive: true });
  symlinkSync(to, from);
};

/** The files where a deployment puts them. */
function unpackedBundle(packageFolder: string): string {
  const app = temporary();
  const { library, code } = servingBundle(packageFolder, []);
  for (const { from, to } of [...library, ...code]) cpSync(from, join(app, to), { dereference: true });
  return app;
}

/** Lays out packages, of which koffi needs debug 2 while re2js, as all others, sees debug 1; gives the package's folder. */
const layouts: Readonly<Record<string, (at: string) => string>> = {
  "installed by npm in a project": at => {
    const modules = join(at, "node_modules");
    writeOwn(join(modules, "loam"));
    for (const name of Object.keys(servedPackages))
      writePackage(join(modules, name), name, "1.0.0", name === "koffi" || name === "re2js" ? { debug: "*" } : {});
    writePackage(join(modules, "debug"), "debug", "1.0.0");
    writePackage(join(modules, "koffi", "node_modules", "debug"), "debug", "2.0.0");
    return join(modules, "loam");
  },
  "linked, with node_modules as a symbolic link": at => {
    const modules = join(at, "elsewhere", "node_modules");
    for (const name of Object.keys(servedPackages))
      writePackage(join(modules, name), name, "1.0.0", name === "koffi" || name === "re2js" ? { debug: "*" } : {});
    writePackage(join(modules, "debug"), "debug", "1.0.0");
    writePackage(join(modules, "koffi", "node_modules", "debug"), "debug", "2.0.0");
    writeOwn(join(at, "checkout", "loam"));
    link(modules, join(at, "checkout", "loam", "node_modules"));
    link(join(at, "checkout", "loam"), join(at, "project", "node_modules", "loam"));
    return join(at, "project", "node_modules", "loam");
  },
  "in a store as pnpm has it": at => {
    const store = join(at, "node_modules", ".pnpm");
    const own = join(store, "loam@0.1.0", "node_modules");
    writeOwn(join(own, "loam"));
    for (const version of ["1.0.0", "2.0.0"]) writePackage(join(store, `debug@${version}`, "node_modules", "debug"), "debug", version);
    for (const name of Object.keys(servedPackages)) {
      const modules = join(store, `${name.replace("/", "+")}@1.0.0`, "node_modules");
      const needs = name === "koffi" ? "2.0.0" : name === "re2js" ? "1.0.0" : undefined;
      writePackage(join(modules, name), name, "1.0.0", needs === undefined ? {} : { debug: "*" });
      if (needs !== undefined) link(join(store, `debug@${needs}`, "node_modules", "debug"), join(modules, "debug"));
      link(join(modules, name), join(own, name));
    }
    link(join(own, "loam"), join(at, "node_modules", "loam"));
    return join(at, "node_modules", "loam");
  },
};

test("versions of two packages that need each other in turn are refused, and not placed for ever", () => {
  const at = temporary();
  const loam = layouts["in a store as pnpm has it"]!(at);
  const store = join(at, "node_modules", ".pnpm");
  const names = ["koffi@1.0.0", "re2js@1.0.0", "koffi@2.0.0", "re2js@2.0.0"];
  for (const [i, id] of names.entries()) {
    const [name, need] = [id.split("@")[0]!, names[(i + 1) % names.length]!.split("@")[0]!];
    const modules = join(store, id, "node_modules");
    writePackage(join(modules, name), name, id.split("@")[1]!, { [need]: "*" });
    link(join(store, names[(i + 1) % names.length]!, "node_modules", need), join(modules, need));
  }
  expect(() => installedPackages(loam, [])).toThrow(/within itself: two versions of a package need each other/);
});

test.each(Object.keys(layouts))("pods of a Loam %s start: the program is at its path and finds each package's own version", layout => {
  const app = unpackedBundle(layouts[layout]!(temporary()));
  const objects = JSON.stringify(planOperator({ image: "r.example/toy:1" }));
  const program = /"\/app\/([^"]*loam\.js)"/.exec(objects)?.[1];
  expect(program).toBe("bin/loam.js");
  expect(existsSync(join(app, program!))).toBe(true);
  const load = createRequire(join(app, "dist", "bundle", "main.js"));
  for (const name of Object.keys(servedPackages)) expect(load.resolve(name)).toBe(join(app, "node_modules", name, "index.js"));
  expect(load("koffi")).toEqual(["koffi@1.0.0", "debug@2.0.0"]);
  expect(load("re2js")).toEqual(["re2js@1.0.0", "debug@1.0.0"]);
});

test("symbolic links within a package are in the bundle as what they name; links out of it, to nothing and in a circle are refused by their place", () => {
  const at = temporary();
  const loam = layouts["installed by npm in a project"]!(at);
  const koffi = join(at, "node_modules", "koffi");
  mkdirSync(join(koffi, "build"));
  writeFileSync(join(koffi, "build", "own.js"), 'module.exports = "own";');
  symlinkSync("build/own.js", join(koffi, "linked.js"));
  symlinkSync("build", join(koffi, "also"));
  // not read by Node, so it does not matter
  symlinkSync("../nowhere.md", join(koffi, "README.md"));
  const app = unpackedBundle(loam);
  for (const file of ["linked.js", "build/own.js", "also/own.js"])
    expect(createRequire(join(app, "dist", "bundle", "main.js"))(`koffi/${file}`), file).toBe("own");
  const refused = (to: string): unknown => {
    const path = join(koffi, "stray.js");
    symlinkSync(to, path);
    try {
      return servingBundle(loam, []);
    } catch (error) {
      return (error as Error).message;
    } finally {
      rmSync(path);
    }
  };
  writeFileSync(join(at, "outside.js"), "");
  for (const [to, received] of [
    [join(at, "outside.js"), `one to ${join(realpathSync(at), "outside.js")}`],
    ["../re2js/index.js", `one to ${join(realpathSync(at), "node_modules", "re2js", "index.js")}`],
    ["nothing.js", "one to nothing"],
    [".", "one to a folder that it lies in"],
  ] as const)
    expect(refused(to)).toContain(`koffi/stray.js: expected a symbolic link to a file or folder of its own package, got ${received}`);
});
