import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import { libraryOf, platformLibraries, webgpuPackage } from "./index.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const packages = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** Runs a program of its own, so that nothing else moves the memory of its process, and returns what it prints. */
function alone(body: string, flags: readonly string[] = ["--expose-gc"], env: NodeJS.ProcessEnv = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "loam-memory-"));
  try {
    const source = `import { writeModel } from "../onnx/index.ts"; import { openRuntime } from "./index.ts"; ${body}`;
    const bundle = buildSync({
      stdin: { contents: source, resolveDir: here, loader: "ts" },
      bundle: true,
      write: false,
      platform: "node",
      format: "esm",
      // Packages are found beside the repository's, not beside the temporary file.
      banner: { js: `import { createRequire as of } from "node:module"; const require = of(${JSON.stringify(join(packages, "_.js"))});` },
      external: ["koffi", "onnxruntime-node"],
    });
    const file = join(folder, "program.mjs");
    writeFileSync(file, bundle.outputFiles[0]!.text);
    return execFileSync(process.execPath, [...flags, file], {
      encoding: "utf8",
      env: { ...process.env, NODE_PATH: packages, ...env },
      stdio: ["ignore", "pipe", "ignore"],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const program = `
  const n = 256;
  const value = (name: string) => ({ name, dtype: "f32" as const, shape: [n, n] });
  const model = writeModel({
    nodes: [{ op: "MatMul", inputs: ["x", "x"], outputs: ["a"] }, { op: "Exp", inputs: ["a"], outputs: ["y"] }],
    inputs: [value("x")], outputs: [value("y")], initializers: [],
  });`;

const rounds = (count: number, dispose: string) => `${program}
  const runtime = openRuntime({ threads: 2 });
  const settle = async () => { for (let i = 0; i < 3; i++) { gc(); await new Promise(r => setTimeout(r, 2)); } return process.memoryUsage().rss; };
  let before = 0;
  for (let i = 0; i < ${count}; i++) {
    if (i === 200) before = await settle();
    const session = runtime.createSession(model);
    const [x, y] = [runtime.allocate("f32", [n, n]), runtime.allocate("f32", [n, n])];
    const view = y.view([n * n]);
    const run = session.prepare({ x }, { y });
    if (i % 2) run.sync(); else await run.async();
    ${dispose}
  }
  console.log(JSON.stringify({ growth: await settle() - before }));`;

const growth = (count: number, dispose: string): number => (JSON.parse(alone(rounds(count, dispose))) as { growth: number }).growth;

// A session that is not released costs 130 KB here, a buffer 256 KB: 800 rounds of either would show as 100 MB and more.
const flat = 60e6;

test("1,000 rounds of create, run and dispose hold a flat memory", () => {
  expect(growth(1000, "for (const part of [run, view, x, y, session]) part.dispose();")).toBeLessThan(flat);
}, 120_000);

test("what nobody disposed is freed by the garbage collector", () => {
  expect(growth(500, "if (i % 25 === 0) { gc(); await new Promise(r => setTimeout(r, 1)); }")).toBeLessThan(flat);
}, 120_000);

test("exiting, failing or losing the program while a run is in flight does not crash", () => {
  const inFlight = `${program}
    const session = openRuntime({ threads: 2 }).createSession(writeModel({
      nodes: Array.from({ length: 40 }, (_, i) => ({ op: "MatMul", inputs: [i ? "t" + i : "x", "x"], outputs: ["t" + (i + 1)] })),
      inputs: [{ name: "x", dtype: "f32", shape: [600, 600] }], outputs: [{ name: "t40", dtype: "f32", shape: [600, 600] }], initializers: [],
    }));
    const open = openRuntime({ threads: 2 });
    const run = session.prepare({ x: open.allocate("f32", [600, 600]) }, { t40: open.allocate("f32", [600, 600]) });`;
  expect(alone(`${inFlight} void run.async(); setTimeout(() => { console.log("left"); process.exit(0); }, 20);`)).toBe("left\n");
  expect(alone(`${inFlight} run.async().then(() => console.log("ended"));`)).toBe("ended\n");
});

test("a memory limit holds: the run that needs more fails by name, and a smaller one goes on", () => {
  const limited = `${program}
    const runtime = openRuntime({ threads: 1, memoryLimitBytes: 1e6 });
    const big = (rows: number) => {
      const session = runtime.createSession(writeModel({
        nodes: [{ op: "Exp", inputs: ["x"], outputs: ["a"] }, { op: "MatMul", inputs: ["a", "w"], outputs: ["b"] }, { op: "Neg", inputs: ["b"], outputs: ["y"] }],
        inputs: [{ name: "x", dtype: "f32", shape: ["n", 256] }, value("w")], outputs: [{ name: "y", dtype: "f32", shape: ["n", 256] }], initializers: [],
      }));
      const run = session.prepare({ x: runtime.allocate("f32", [rows, 256]), w: runtime.allocate("f32", [256, 256]) }, { y: runtime.allocate("f32", [rows, 256]) });
      try { run.sync(); return "ran with " + session.memory().limitBytes; } catch (e) { return (e as { code: string }).code; }
    };
    console.log([big(64), big(4096), big(64)].join());
    try { openRuntime({ memoryLimitBytes: 2e6 }); } catch (e) { console.log((e as { code: string }).code); }
    openRuntime({ memoryLimitBytes: 1e6 });`;
  expect(alone(limited)).toBe("ran with 1000000,onnxruntime/outOfMemory,ran with 1000000\nonnxruntime/option\n");
});

test("a library that is not there, or is another one, is an error that names it", () => {
  const words = (path: string) =>
    alone("try { openRuntime(); } catch (e) { console.log((e as { code: string }).code, (e as Error).message); }", [], {
      LOAM_ONNXRUNTIME: path,
    });
  expect(words("/no/such/file.so")).toMatch(/^onnxruntime\/library LOAM_ONNXRUNTIME.*"\/no\/such\/file\.so"/);
  expect(words(fileURLToPath(import.meta.url))).toMatch(/^onnxruntime\/library .*process\.life\.test\.ts: cannot be loaded/);
});

test("package.json pins the packages that carry the library, one for each platform, and none of them has an install script", () => {
  const own = JSON.parse(readFileSync(join(packages, "..", "package.json"), "utf8"));
  const places = Object.values(platformLibraries).map(p => p.package);
  expect(Object.keys(own.optionalDependencies).sort()).toEqual([...places].sort());
  for (const version of Object.values(own.optionalDependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(own.peerDependencies[webgpuPackage.name]).toBe(webgpuPackage.version);
  expect(own.peerDependenciesMeta[webgpuPackage.name]).toEqual({ optional: true });
  expect(own.devDependencies[webgpuPackage.name]).toBe(webgpuPackage.version);
  const lock = JSON.parse(readFileSync(join(packages, "..", "package-lock.json"), "utf8"));
  for (const name of places) {
    const entry = lock.packages[`node_modules/${name}`];
    expect(entry).toMatchObject({ version: own.optionalDependencies[name], optional: true, integrity: expect.stringMatching(/^sha512-/) });
    expect(entry.hasInstallScript, name).toBeUndefined();
  }
});

test("without onnxruntime-node the processor computes, and WebGPU says what to install", () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-modules-"));
  try {
    const { package: name } = libraryOf(process.platform, process.arch, false);
    mkdirSync(join(folder, "node_modules"));
    for (const needed of [name, "koffi", "@koromix"]) symlinkSync(join(packages, needed), join(folder, "node_modules", needed), "junction");
    const said = alone(
      'console.log(openRuntime().version); try { openRuntime({ provider: "webgpu" }); } catch (e) { console.log((e as { code: string }).code, (e as Error).message); }',
      [],
      { NODE_PATH: join(folder, "node_modules"), LOAM_ONNXRUNTIME: "" },
    );
    const [version, ...error] = said.split("\n");
    expect(version).toMatch(/^1\.\d+\.\d+$/);
    expect(error.join("\n")).toMatch(
      /^onnxruntime\/provider device webgpu: expected the package onnxruntime-node@1\.30\.0.*npm install --ignore-scripts --save-exact onnxruntime-node@1\.30\.0/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
