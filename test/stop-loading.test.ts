/**
 * A stop while a model loads, in real processes. The weights are a pipe that nobody writes to, so the load can never end: a process that ends
 * has not waited for it. Meanwhile probes are told that nothing is ready.
 */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { exportHuggingFace, folderFiles, initialise, llamaConfig, modelOf, specOfModel } from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { trainBpe } from "../src/text/index.ts";
import { startProcess } from "./support/child.ts";
import { temporaryFolder, toyProject } from "./support/project.ts";

/** A model's folder in `cwd` whose weights never come. */
async function endlessModel(cwd: string): Promise<string> {
  const folder = join(cwd, "endless");
  const files = folderFiles(folder);
  const tokenizer = trainBpe(["to be or not to be"], { vocab: 262, specialTokens: ["<|end|>"] });
  const config = llamaConfig({ vocab: tokenizer.vocabSize, width: 16, layers: 1, heads: 2, context: 64, hidden: 32 });
  const spec = specOfModel({ family: "decoder", config }) as unknown;
  await exportHuggingFace(files, modelOf({ family: "decoder", config }, await initialise(spec, openDevice("reference"), 3)));
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  const pipe = join(folder, "model.safetensors");
  rmSync(pipe);
  execFileSync("mkfifo", [pipe]);
  return pipe;
}

/** Resolves when a process reads the pipe; it goes on waiting until the test is over. */
async function isRead(pipe: string): Promise<void> {
  const open = () => {
    try {
      // fails while nobody reads
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
  };
  let writer: number | undefined;
  await expect
    .poll(
      () => {
        writer = open();
        return writer;
      },
      { timeout: 60_000 },
    )
    .toBeDefined();
  onTestFinished(() => closeSync(writer!));
}

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const door = `gateway:
  demoKey: demo
  access:
    principals: { serviceAccounts: { demo: {} } }
    policies:
      - { id: demo, effect: allow, who: { subjects: [demo] }, endpoints: [chat] }
`;

for (const [what, folder] of [
  ["a plain server", () => temporaryFolder()],
  ["a project's server behind its gateway", () => toyProject({ more: door })],
] as const)
  test(`${what} that still loads is not ready by /health, and SIGTERM ends it before the load`, async () => {
    const cwd = folder();
    const pipe = await endlessModel(cwd);
    const port = await freePort();
    const server = startProcess(["serve", "./endless", "--port", String(port), "--json"], {
      cwd,
      env: { LOAM_HOME: temporaryFolder("home") },
    });
    await isRead(pipe);
    const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    const got = await Promise.all(["/healthz", "/health", "/readyz"].map(status));
    expect(got).toEqual([200, 503, 503]);
    for (const path of ["/props"]) expect([401, 404, 503], path).toContain(await status(path));
    server.kill("SIGTERM");
    const { code, signal, stdout, stderr } = await server.ended;
    expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
    expect(stdout).toContain('"event":"stopped"');
    expect(stdout).not.toContain('"event":"serving"');
  });

test("SIGTERM ends a server that does not listen yet, in the middle of what it opens", async () => {
  // the names of a guard are a pipe that nobody writes to
  const cwd = toyProject({ more: `${door}  guards: { pii: { kind: private, names: { model: names.bin } } }\n` });
  await endlessModel(cwd);
  const pipe = join(cwd, "names.bin");
  execFileSync("mkfifo", [pipe]);
  const server = startProcess(["serve", "./endless", "--port", "0", "--json"], { cwd, env: { LOAM_HOME: temporaryFolder("home") } });
  await isRead(pipe);
  server.kill("SIGTERM");
  const { code, signal, stdout, stderr } = await server.ended;
  expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
  expect(stdout).toContain('"event":"stopped"');
});

test("loam chat that still loads ends at SIGTERM before the load, as a command that was stopped", async () => {
  const cwd = temporaryFolder();
  const pipe = await endlessModel(cwd);
  const chat = startProcess(["chat", "./endless", "--prompt", "to be"], { cwd, env: { LOAM_HOME: temporaryFolder("home") } });
  await isRead(pipe);
  chat.kill("SIGTERM");
  const { code, stderr } = await chat.ended;
  expect([code, stderr]).toEqual([130, expect.stringContaining("loam: stopped.")]);
});

test("loam eval that still loads ends at Ctrl-C before the load, as a command that was stopped", async () => {
  const cwd = temporaryFolder();
  const pipe = await endlessModel(cwd);
  writeFileSync(join(cwd, "items.jsonl"), '{"q":"to be","a":"or"}\n');
  writeFileSync(
    join(cwd, "task.yaml"),
    "task: toy\ndataset_path: json\ndataset_kwargs: { data_files: { test: items.jsonl } }\ntest_split: test\noutput_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\ngeneration_kwargs: { until: ['.'], max_gen_toks: 4 }\nmetric_list: [{ metric: exact_match }]\n",
  );
  const run = startProcess(["eval", "task.yaml", "--model", "./endless"], { cwd, env: { LOAM_HOME: temporaryFolder("home") } });
  await isRead(pipe);
  run.kill("SIGINT");
  const { code, stderr } = await run.ended;
  expect([code, stderr]).toEqual([130, expect.stringContaining("loam: stopped.")]);
});

test("a second Ctrl-C ends a command at once, even while a read is blocked", async () => {
  const cwd = temporaryFolder();
  const pipe = await endlessModel(cwd);
  const run = startProcess(["models", "import", "./endless"], { cwd, env: { LOAM_HOME: temporaryFolder("home") } });
  await isRead(pipe);
  run.kill("SIGINT");
  // two signals within half a second are one wish
  await new Promise(resolve => setTimeout(resolve, 700));
  run.kill("SIGINT");
  expect(await run.ended).toMatchObject({ code: 130, signal: null });
});
