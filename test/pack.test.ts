/** The package as a stranger gets it: a tarball, installed into an empty folder with an empty cache, with nothing of the clone in reach. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { beforeAll, expect } from "vitest";
import { platformLibraries } from "../src/tensor/onnxruntime/index.ts";
import { jsonLines, root, startProcess } from "./support/child.ts";
import { deep, deepTest } from "./support/deep.ts";
import { npm, offline } from "./support/npm.ts";

const mostTarballBytes = 15e6;
const mostInstalledBytes = 200e6;
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

let folder: string;
let tarball: string;
let unreachable: string | undefined;

/** Of all files below a folder; links count as nothing. */
function sizeBelow(path: string): number {
  return readdirSync(path, { withFileTypes: true }).reduce((sum, e) => {
    const at = join(path, e.name);
    return sum + (e.isDirectory() ? sizeBelow(at) : e.isFile() ? statSync(at).size : 0);
  }, 0);
}

beforeAll(() => {
  if (!deep) return undefined;
  execFileSync(process.execPath, [join(root, "scripts", "setup.js")], { stdio: ["ignore", "ignore", "inherit"] });
  folder = realpathSync(mkdtempSync(join(tmpdir(), "loam-pack-")));
  const packed = npm(["pack", "--pack-destination", folder, "--loglevel=error"], root);
  expect(packed.code, packed.output).toBe(0);
  tarball = readdirSync(folder).find(f => f.endsWith(".tgz"))!;
  writeFileSync(join(folder, "package.json"), "{}\n");
  // scripts may run here: none of ours, or of what we depend on, may need anything but npm
  const installed = npm(["install", "--cache", join(folder, ".cache"), "--no-audit", "--no-fund", `./${tarball}`], folder);
  unreachable = installed.code === 0 ? undefined : offline(installed.output);
  if (unreachable === undefined) expect(installed.code, installed.output).toBe(0);
  return () => rmSync(folder, { recursive: true, force: true });
}, 600_000);

/** `npx loam` in a folder. */
const npx = (args: readonly string[], cwd: string) => npm(["exec", "--", "loam", ...args], cwd);

deepTest("the tarball holds what runs and what a reader needs, and neither tests nor sources nor other packages", () => {
  const files = execFileSync("tar", ["tzf", tarball], { cwd: folder, encoding: "utf8" }).trim().split("\n");
  for (const needed of [
    "bin/loam.js",
    "bin/lambda-start.js",
    "bin/node-version.js",
    "dist/src/index.js",
    "dist/src/index.d.ts",
    "console/dist/index.html",
    "templates/pretrain/loam.yaml",
    "docs/cli.md",
    "docs/pictures/playground.png",
    "dist/site/index.html",
    "dist/site/assets/search.json",
    "examples/mail/loam.yaml",
    "examples/your-own-model/model.js",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
  ])
    expect(files).toContain(`package/${needed}`);
  expect(files.filter(f => /\.(test|laws)\.|^package\/(src|test|bench|scripts|node_modules)\/|\/\.loam\//.test(f))).toEqual([]);
  expect(statSync(join(folder, tarball)).size).toBeLessThan(mostTarballBytes);
});

deepTest("an installation holds the native library of one platform, no WebGPU, no canvas, and fits into 200 MB", context => {
  if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
  const modules = join(folder, "node_modules");
  const engines = Object.values(platformLibraries).filter(p => existsSync(join(modules, p.package)));
  expect(engines).toEqual([platformLibraries[`${process.platform}-${process.arch}`]]);
  for (const name of ["onnxruntime-node", "pdfjs-dist", "@napi-rs"]) expect(existsSync(join(modules, name)), name).toBe(false);
  expect(sizeBelow(modules)).toBeLessThan(mostInstalledBytes);
});

deepTest(
  "no package of an installation needs an install script: koffi finds its library without, protobufjs compares versions",
  context => {
    if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
    const list = JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const withScript = Object.entries(list.packages).filter(([, p]) => p.hasInstallScript);
    expect(withScript.map(([path]) => path)).toEqual(["node_modules/koffi", "node_modules/protobufjs"]);
  },
);

deepTest(
  'right after the README\'s install, `import "loam"` runs and its types are checked',
  context => {
    if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
    writeFileSync(join(folder, "package.json"), readFileSync(join(folder, "package.json"), "utf8").replace("{", '{ "type": "module",'));
    writeFileSync(join(folder, "use.js"), use("", ""));
    expect(execFileSync(process.execPath, ["use.js"], { cwd: folder, encoding: "utf8" })).toBe("24 cpu\n");
    const types = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies["@types/node"];
    const got = npm(
      ["install", "--cache", join(folder, ".cache"), "--no-audit", "--no-fund", "--save-dev", `@types/node@${types}`],
      folder,
    );
    expect(got.code, got.output).toBe(0);
    writeFileSync(join(folder, "use.ts"), use(": Tensor", ": LoamError | undefined"));
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--pretty", "false"];
    const check = (file: string) => {
      try {
        return execFileSync(process.execPath, [tsc, ...options, file], { cwd: folder, encoding: "utf8" });
      } catch (error) {
        return String((error as { stdout: string }).stdout);
      }
    };
    expect(check("use.ts")).toBe("");
    writeFileSync(join(folder, "wrong.ts"), 'import { openDevice } from "loam";\nopenDevice("gpu");\n');
    expect(check("wrong.ts")).toMatch(/wrong\.ts\(2,12\): error TS2345/);
  },
  300_000,
);

/** A program over the public API: the derivative of x * x * x at 2, twice over; `t` and `e` are types where there are any. */
function use(t: string, e: string): string {
  return `import { grad, input, LoamError, mul, compile, openDevice${t ? ", type Tensor" : ""} } from "loam";
import { adamw } from "loam/train";

const device = openDevice("cpu", { threads: 1 });
const cube = (x${t}) => mul(mul(x, x), x);
const slope = compile((x${t}) => mul(grad(cube)(x), grad((y${t}) => mul(y, 2))(x)), { device });
const result = await (await slope(await device.array(2))).numbers();
const problem${e} = undefined;
if (problem !== undefined || typeof adamw !== "function" || typeof input !== "function" || typeof LoamError !== "function") throw problem;
console.log(result[0], device.name);
`;
}

deepTest("installed into an empty folder it writes a project, runs it, serves it, and is imported by name", async context => {
  if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
  const made = npx(["init", "mine", "--json"], folder);
  expect(made.code, made.output).toBe(0);
  const cwd = join(folder, "mine");
  const file = join(cwd, "loam.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("tokens: 240k", "tokens: 20k").replace("width: 96", "width: 48"));

  const ran = npm(["run", "-s", "life", "--", "--json"], cwd);
  expect(ran.code, ran.output).toBe(0);
  expect(ran.output).toContain('"version":"mine@1"');
  expect(npx(["models"], cwd).output).toContain("mine@1");
  const types = execFileSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import * as loam from "loam"; import { grad } from "loam/tensor";
      const project = await loam.openProject("."); const { version, ran } = await project.run("mine"); await project.close();
      console.log(typeof loam.LoamError, typeof grad, version, ran)`,
    ],
    { cwd, encoding: "utf8" },
  );
  expect(types.trim()).toBe("function function mine@1 0");

  const server = startProcess(["serve", "--json", "--port", "0"], { cwd, program: join(cwd, "node_modules", "loam", "bin", "loam.js") });
  const [, url] = await server.says(/"url":"([^"]+)"/);
  expect(await (await fetch(url!)).text()).toContain("<title>");
  server.kill("SIGTERM");
  const served = await server.ended;
  expect(served.code, served.stderr).toBe(0);
  expect(jsonLines(served.stdout)).toHaveLength(2);
});

deepTest("a project's own npm install gives the same package under the name it imports, from the tarball", context => {
  if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
  const cwd = join(folder, "second");
  expect(npx(["init", "second"], folder).code).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  expect(dependencies).toEqual({ loam: `file:../${tarball}` });
  const installed = npm(["install", "--prefer-offline", "--cache", join(folder, ".cache"), "--no-audit", "--no-fund"], cwd);
  expect(installed.code, installed.output).toBe(0);
  const own = JSON.parse(readFileSync(join(cwd, "node_modules", "loam", "package.json"), "utf8")) as { name: string };
  expect(own.name).toBe("loam");
  expect(npx(["--version"], cwd)).toMatchObject({ code: 0 });
});

deepTest("without an installed Loam, npx in a project runs no other package of that name", context => {
  if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
  expect(npx(["init", "third"], folder).code).toBe(0);
  const alone = mkdtempSync(join(tmpdir(), "loam-alone-"));
  try {
    for (const name of ["package.json", ".npmrc", "loam.yaml"]) writeFileSync(join(alone, name), readFileSync(join(folder, "third", name)));
    expect(npx(["--version"], alone).code).not.toBe(0);
    expect(existsSync(join(alone, "node_modules"))).toBe(false);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

const own = join(root, "examples", "your-own-model");

deepTest("examples/your-own-model trains and generates against the installed package, as JavaScript and bundled", async context => {
  if (!existsSync(own)) context.skip("examples/your-own-model is not there");
  if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
  expect(npx(["init", "fourth"], folder).code).toBe(0);
  const cwd = join(folder, "fourth");
  for (const name of readdirSync(own).filter(f => f.endsWith(".js"))) writeFileSync(join(cwd, name), readFileSync(join(own, name)));
  const plain = execFileSync(process.execPath, ["run.js"], { cwd, encoding: "utf8" });
  const losses = [...plain.matchAll(/loss (\d+\.\d+)/g)].map(m => Number(m[1]));
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
  await bundle({
    entryPoints: [join(cwd, "run.js")],
    outfile: join(cwd, "bundled.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["loam", "loam/*"],
    logLevel: "error",
  });
  expect(execFileSync(process.execPath, ["bundled.mjs"], { cwd, encoding: "utf8" })).toBe(plain);
});
