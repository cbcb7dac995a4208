/** The package as a stranger gets it: a tarball, installed into an empty folder, with nothing of the clone in reach. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { beforeAll, expect, test } from "vitest";
import { jsonLines, root, start } from "./support/child.ts";
import { npm, offline } from "./support/npm.ts";

let folder: string;
let tarball: string;
let unreachable: string | undefined;

beforeAll(() => {
  execFileSync(process.execPath, [join(root, "scripts", "setup.js")], { stdio: ["ignore", "ignore", "inherit"] });
  folder = realpathSync(mkdtempSync(join(tmpdir(), "loam-pack-")));
  const packed = npm(["pack", "--pack-destination", folder, "--loglevel=error"], root);
  expect(packed.code, packed.output).toBe(0);
  tarball = readdirSync(folder).find(f => f.endsWith(".tgz"))!;
  writeFileSync(join(folder, "package.json"), "{}\n");
  const installed = npm(["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], folder);
  unreachable = installed.code === 0 ? undefined : offline(installed.output);
  if (unreachable === undefined) expect(installed.code, installed.output).toBe(0);
  return () => rmSync(folder, { recursive: true, force: true });
}, 600_000);

/** `npx loam` in a folder. */
const npx = (args: readonly string[], cwd: string) => npm(["exec", "--", "loam", ...args], cwd);

test("the tarball holds what runs and what a reader needs, and neither tests nor sources", () => {
  const files = execFileSync("tar", ["tzf", tarball], { cwd: folder, encoding: "utf8" }).trim().split("\n");
  const ours = files.filter(f => !f.startsWith("package/node_modules/"));
  for (const needed of [
    "bin/loam.js",
    "bin/node-version.js",
    "dist/src/index.js",
    "dist/src/index.d.ts",
    "console/dist/index.html",
    "templates/project/loam.yaml",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
  ])
    expect(files).toContain(`package/${needed}`);
  expect(ours.filter(f => /\.(test|laws)\.|\/(test|bench|examples|scripts|node_modules)\//.test(f))).toEqual([]);
  expect(ours.filter(f => /^package\/src\//.test(f))).toEqual([]);
});

test("installed into an empty folder it writes a project, runs it, serves it, and is imported by name", async context => {
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
      'import * as loam from "loam"; import { grad } from "loam/tensor"; console.log(typeof loam.LoamError, typeof grad)',
    ],
    { cwd, encoding: "utf8" },
  );
  expect(types.trim()).toBe("function function");

  const server = start(["serve", "--json", "--port", "0"], { cwd, program: join(cwd, "node_modules", "loam", "bin", "loam.js") });
  const [, url] = await server.says(/"url":"([^"]+)"/);
  expect(await (await fetch(url!)).text()).toContain("<title>");
  server.kill("SIGTERM");
  const served = await server.ended;
  expect(served.code, served.stderr).toBe(0);
  expect(jsonLines(served.stdout)).toHaveLength(2);
});

test("a project's own npm install gives the same package under the name it imports, from the tarball", context => {
  if (unreachable) context.skip(`the registry cannot be reached: ${unreachable}`);
  const cwd = join(folder, "second");
  expect(npx(["init", "second"], folder).code).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  expect(dependencies).toEqual({ loam: `file:../${tarball}` });
  const installed = npm(["install", "--prefer-offline", "--no-audit", "--no-fund"], cwd);
  expect(installed.code, installed.output).toBe(0);
  const own = JSON.parse(readFileSync(join(cwd, "node_modules", "loam", "package.json"), "utf8")) as { name: string };
  expect(own.name).toBe("@loam-life/loam");
  expect(npx(["--version"], cwd)).toMatchObject({ code: 0 });
});

test("without an installed Loam, npx in a project runs no other package of that name", context => {
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

(existsSync(own) ? test : test.skip)(
  "examples/your-own-model trains and generates against the installed package, as JavaScript and bundled",
  async context => {
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
  },
);
