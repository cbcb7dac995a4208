/** Functions for AWS Lambda, run as Lambda runs them: by a Runtime API of the test's own and by AWS's emulator, from a read-only folder, without rights. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { expect, onTestFinished, test } from "vitest";
import { loam, startProcess } from "./support/child.ts";
import { lacksLint, lintTemplate } from "./support/deploy-python.ts";
import { freePort } from "./support/installed.ts";
import { openRuntimeApi, streamParts, urlEvent } from "./support/lambda-runtime-api.ts";
import { emulator, lacksSandbox, sandboxEnvironment, sandboxed, startSandbox, wrapped } from "./support/lambda-sandbox.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

interface Lambda {
  readonly path: string;
  readonly files: readonly { readonly path: string; readonly digest: string; readonly sizeBytes: number }[];
  readonly facts: Readonly<Record<string, number | string | null>>;
}

async function deployed(cwd: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Lambda> {
  const { code, stdout, stderr } = await loam(["deploy", "lambda", "toy@latest", "--to", "out", "--json", ...args], { cwd, env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Lambda;
}

/** Unix modes in the central directory of an archive, by name. */
function modesOf(zip: Buffer): Record<string, number> {
  const modes: Record<string, number> = {};
  let at = zip.readUInt32LE(zip.lastIndexOf(Buffer.from("504b0506", "hex")) + 16);
  while (zip.readUInt32BE(at) === 0x504b0102) {
    const [name, extra, comment] = [28, 30, 32].map(field => zip.readUInt16LE(at + field)) as [number, number, number];
    // made by Unix
    expect(zip[at + 5]).toBe(3);
    modes[zip.toString("utf8", at + 46, at + 46 + name)] = zip.readUInt16LE(at + 40);
    at += 46 + name + extra + comment;
  }
  return modes;
}

/** Unpacks an archive with its modes, as Lambda does. */
function unpacked(zip: string): string {
  const folder = temporaryFolder("task");
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip)))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  chmodSync(folder, 0o755);
  for (const [name, mode] of Object.entries(modesOf(readFileSync(zip)))) chmodSync(join(folder, name), mode & 0o777);
  return folder;
}

interface Completion {
  readonly choices: readonly { readonly text: string }[];
}

const asked = { model: "toy", prompt: "Dear Anna", max_tokens: 12, temperature: 0.7, seed: 7 };
const plain = (text: string) => text.replaceAll(/"id":"[^"]*"/g, '"id":""').replaceAll(/"created":\d+/g, '"created":0');

test("an archive is the same bytes from two folders, by any umask and time zone, within Lambda's limits, and its script can be run", async () => {
  const [first, second] = [await trainedToy(), await trainedToy({}, join(temporaryFolder("other"), "deeper"))];
  const one = await deployed(first);
  const umask = process.umask(0o077);
  const two = await deployed(second, [], { TZ: "Pacific/Auckland", LC_ALL: "C" }).finally(() => process.umask(umask));
  expect(two.files).toEqual(one.files);
  expect(one.files.map(f => f.path)).toEqual(["function.zip", "template.yaml"]);
  expect(one.facts).toMatchObject({ unpackedLimit: 262_144_000, upload: "direct or S3", form: "exact" });
  const entries = unzipSync(readFileSync(join(one.path, "function.zip")));
  const total = Object.values(entries).reduce((sum, b) => sum + b.length, 0);
  expect(one.facts.unpackedBytes).toBe(total);
  expect(total).toBeLessThan(80e6);
  expect(Object.keys(entries)).toEqual(expect.arrayContaining(["bootstrap", "index.mjs", "app/bin/loam.js", "model/weights.safetensors"]));
  expect(modesOf(readFileSync(join(one.path, "function.zip")))).toMatchObject({
    bootstrap: 0o100755,
    "index.mjs": 0o100644,
    "app/bin/loam.js": 0o100644,
  });
  expect(readdirSync(first).filter(f => f.includes(".part"))).toEqual([]);
});

test.skipIf(lacksSandbox !== "")(
  `an archive in Lambda's surroundings streams byte by byte what \`loam serve\` answers, ends at a deadline, and stops by SIGTERM (${lacksSandbox || "runs"})`,
  async () => {
    const cwd = await trainedToy();
    const { path } = await deployed(cwd);
    const lambda = await openRuntimeApi();
    const child = startSandbox(unpacked(join(path, "function.zip")), lambda.host);
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await lambda.close();
    });
    await child.outlives(lambda.ready);
    const whole = startProcess(["serve", "toy", "--port", "0", "--json"], { cwd });
    onTestFinished(() => void whole.kill("SIGKILL"));
    const [, json] = await whole.says(/^(\{"event":"serving".*\})$/m);
    const { url } = JSON.parse(json!) as { url: string };
    for (const stream of [false, true]) {
      const body = { ...asked, stream };
      const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const want = await (await fetch(`${url}/v1/completions`, sent)).text();
      const answer = await child.outlives(lambda.invoke(urlEvent("POST", "/v1/completions", body)));
      const { head, rest } = streamParts(answer.body);
      expect([head.statusCode, head.headers["content-type"]?.split(";")[0]]).toEqual([
        200,
        stream ? "text/event-stream" : "application/json",
      ]);
      const same = (text: string) => plain(text).replaceAll(/"(model|system_fingerprint)":"[^"]*"/g, '"$1":""');
      expect(same(rest.toString("utf8"))).toBe(same(want));
      expect(rest.toString("utf8")).toContain('"model":"toy"');
      if (stream) expect(answer.pieces.length).toBeGreaterThan(3);
    }
    const late = await child.outlives(lambda.invoke(urlEvent("POST", "/v1/completions", asked), { timeoutMs: 1 }));
    expect(JSON.parse(streamParts(late.body).rest.toString("utf8")).error.code).toBe("deadline_exceeded");
    expect(streamParts((await child.outlives(lambda.invoke(urlEvent("GET", "/readyz")))).body).head.statusCode).toBe(200);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await exit;
    expect(child.output()).not.toMatch(/EROFS|EACCES|Error/);
  },
);

test.skipIf(lacksSandbox !== "")(
  `an archive in Lambda's surroundings blocks what serve.blocked of loam.yaml blocks, as \`loam serve\` does (${lacksSandbox || "runs"})`,
  async () => {
    const cwd = await trainedToy();
    const body = { ...asked, max_tokens: 16, stream: false };
    const ofServer = async (): Promise<string> => {
      const server = startProcess(["serve", "toy", "--port", "0", "--json"], { cwd });
      onTestFinished(() => void server.kill("SIGKILL"));
      const [, json] = await server.says(/^(\{"event":"serving".*\})$/m);
      const { url } = JSON.parse(json!) as { url: string };
      const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const answer = (await (await fetch(`${url}/v1/completions`, sent)).json()) as Completion;
      return answer.choices[0]!.text;
    };
    const free = await ofServer();
    const letter = /[a-z]/.exec(free)![0];
    const file = join(cwd, "loam.yaml");
    writeFileSync(join(cwd, "blocked.txt"), `${letter}\n`);
    writeFileSync(file, readFileSync(file, "utf8").replace("serve: {", "serve: { blocked: { files: [blocked.txt], wholeWords: false },"));
    const guarded = await ofServer();
    expect(guarded).not.toBe(free);
    const { path, facts } = await deployed(cwd);
    expect(facts.guards).toMatch(/^[0-9a-f]{64}$/);
    const lambda = await openRuntimeApi();
    const child = startSandbox(unpacked(join(path, "function.zip")), lambda.host);
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await lambda.close();
    });
    await child.outlives(lambda.ready);
    const { rest } = streamParts((await child.outlives(lambda.invoke(urlEvent("POST", "/v1/completions", body)))).body);
    const { text } = (JSON.parse(rest.toString("utf8")) as Completion).choices[0]!;
    expect(text).toBe(guarded);
    expect(text.toLowerCase()).not.toContain(letter);
  },
);

test.skipIf(lacksSandbox !== "")(
  `a changed file is reported to Lambda as an error at start, with both digests (${lacksSandbox || "runs"})`,
  async () => {
    const { path } = await deployed(await trainedToy());
    const task = unpacked(join(path, "function.zip"));
    const weights = join(task, "model", "weights.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
    const lambda = await openRuntimeApi();
    const child = startSandbox(task, lambda.host);
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await lambda.close();
    });
    const exit = once(child, "exit");
    const { type, body } = await child.outlives(lambda.initError);
    expect(type).toBe("Loam.project.model");
    expect((body as { errorMessage: string }).errorMessage).toMatch(/expected the files with digest [0-9a-f]{64}, got [0-9a-f]{64}/);
    expect((await exit)[0]).not.toBe(0);
    expect(lambda.asked).toBe(0);
  },
);

const broken: readonly (readonly [what: string, breaks: (task: string) => void, type: string, message: RegExp])[] = [
  [
    "the bundle is missing",
    task => rmSync(join(task, "app", "dist"), { recursive: true }),
    "Loam.start",
    /^loam: not built yet: expected dist\/, got none/,
  ],
  [
    "the bundle is no JavaScript",
    task => writeFileSync(join(task, "app", "dist", "bundle", "main.js"), "export const = 1;"),
    "Loam.start",
    /^loam: [\s\S]*SyntaxError/,
  ],
  ["the model is missing", task => rmSync(join(task, "model"), { recursive: true }), "Loam.base.missingFile", /\/var\/task\/model/],
  [
    "an option of its script is no number",
    task => writeFileSync(join(task, "bootstrap"), readFileSync(join(task, "bootstrap"), "utf8").replace(/--slots \d+/, "--slots many")),
    "Loam.project.argument",
    /slots: expected /,
  ],
];

test.skipIf(lacksSandbox !== "")(
  `a function that cannot start reports to Lambda why, asks for no invocation, and nobody waits for it (${lacksSandbox || "runs"})`,
  async () => {
    const { path } = await deployed(await trainedToy());
    for (const [what, breaks, type, message] of broken) {
      const task = unpacked(join(path, "function.zip"));
      breaks(task);
      const lambda = await openRuntimeApi();
      const child = startSandbox(task, lambda.host);
      onTestFinished(async () => {
        child.kill("SIGKILL");
        await lambda.close();
      });
      const told = await child.outlives(lambda.initError);
      expect([what, told.type]).toEqual([what, type]);
      expect((told.body as { errorMessage: string }).errorMessage).toMatch(message);
      await expect(child.outlives(lambda.ready)).rejects.toThrow(/the function ended \([1-9]\):\n/);
      expect(lambda.asked).toBe(0);
    }
  },
);

test.skipIf(lacksSandbox !== "")(
  `an archive whose Node cannot be started ends the wait for its first invocation with what the script wrote (${lacksSandbox || "runs"})`,
  async () => {
    const { path } = await deployed(await trainedToy());
    const task = unpacked(join(path, "function.zip"));
    writeFileSync(join(task, "bootstrap"), readFileSync(join(task, "bootstrap"), "utf8").replace("exec ", "exec /var/lang/bin/no-"));
    const lambda = await openRuntimeApi();
    const child = startSandbox(task, lambda.host);
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await lambda.close();
    });
    await expect(child.outlives(lambda.ready)).rejects.toThrow(/the function ended \(127\):\n.*no-.*not found/);
  },
);

const rie = emulator();
const lacksEmulator = lacksSandbox || (rie === undefined ? "aws-lambda-rie is not installed" : "");
test.skipIf(lacksEmulator !== "")(
  `AWS's emulator starts the archive by its wrapper and hands the streamed response out, prelude and all (${lacksEmulator || "runs"})`,
  async () => {
    const { path } = await deployed(await trainedToy());
    const [port, apiPort] = [await freePort(), await freePort()];
    const command = sandboxed(unpacked(join(path, "function.zip")), wrapped);
    const addresses = ["--runtime-interface-emulator-address", `127.0.0.1:${port}`, "--runtime-api-address", `127.0.0.1:${apiPort}`];
    const child = spawn(rie!, [...addresses, ...command], {
      env: { ...sandboxEnvironment(), AWS_LAMBDA_FUNCTION_TIMEOUT: "300" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (output += piece.toString("utf8")));
    const invoke = async (event: unknown): Promise<Buffer> => {
      for (;;) {
        const answer = await fetch(`http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`, {
          method: "POST",
          body: JSON.stringify(event),
        }).catch(() => undefined);
        if (answer) return Buffer.from(await answer.arrayBuffer());
        if (child.exitCode !== null) throw new Error(output);
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    };
    const { head, rest } = streamParts(await invoke(urlEvent("POST", "/v1/completions", { ...asked, stream: true })));
    expect(head.statusCode, output).toBe(200);
    expect(rest.toString("utf8")).toMatch(/^data: \{[\s\S]*data: \[DONE\]\n\n$/);
    expect(streamParts(await invoke(urlEvent("GET", "/v1/models"))).head.statusCode).toBe(200);
  },
);

test.skipIf(lacksLint !== "")(
  `templates of archives and images, with IAM and with a key, are valid by cfn-lint (${lacksLint || "runs"})`,
  async () => {
    const cwd = await trainedToy();
    const wishes = [
      [],
      ["--auth", "key", "--mode", "buffered", "--concurrency", "5"],
      ["--package", "image", "--auth", "key", "--memory", "3008", "--storage", "1024"],
    ];
    for (const [i, args] of wishes.entries()) {
      const { path } = await deployed(cwd, [...args, "--to", `out-${i}`]);
      expect(lintTemplate(join(path, "template.yaml"))).toBe("");
      if (args.includes("image")) expect(existsSync(join(path, "image.tar"))).toBe(true);
    }
    // it can fail
    const broken = join(cwd, "broken.yaml");
    writeFileSync(broken, readFileSync(join(cwd, "out-0", "template.yaml"), "utf8").replace("MemorySize", "MemorySise"));
    expect(lintTemplate(broken)).toMatch(/MemorySise/);
  },
);

test("four bits: the archive holds a GGUF file, which is served under its own digest", async () => {
  const cwd = await trainedToy();
  const { path, facts } = await deployed(cwd, ["--weights-form", "q4"]);
  expect(facts).toMatchObject({ weightsForm: "q4", form: "int8-blocks" });
  const task = unpacked(join(path, "function.zip"));
  expect(readdirSync(join(task, "model"))).toEqual(["model.gguf"]);
  const digest = /--expect-digest ([0-9a-f]{64})/.exec(readFileSync(join(task, "bootstrap"), "utf8"))![1]!;
  const home = temporaryFolder("home");
  const args = ["serve", join(task, "model"), "--expect-digest", digest, "--quantize", "int8-blocks", "--port", "0", "--json"];
  const server = startProcess(args, { cwd: home, env: { LOAM_HOME: home } });
  onTestFinished(() => void server.kill("SIGKILL"));
  await server.says(/^(\{"event":"serving".*\})$/m);
});

test("bad input of a function is an error with numbers and a way out, and leaves nothing", async () => {
  const cwd = await trainedToy({ more: "releases: { prod: { approvals: [{ role: owner, unsigned: true }] } }" });
  const open = await trainedToy();
  const refused = async (at: string, ...args: string[]) => {
    const { code, stderr } = await loam(["deploy", "lambda", ...args], { cwd: at });
    return `${code} ${stderr}`;
  };
  const before = readdirSync(open).toSorted();
  expect(await refused(cwd, "toy@1")).toMatch(/^1 [\s\S]*toy@1: no release approves it/);
  expect(await refused(open, "toy", "--memory", "64")).toMatch(
    /^2 [\s\S]*--memory: expected a whole number of megabytes from 128 to 10240, got 64/,
  );
  expect(await refused(open, "toy", "--memory", "130")).toMatch(
    /^2 [\s\S]*--memory: expected at least \d+, which the model needs served as exact, got 130/,
  );
  expect(await refused(open, "toy", "--timeout", "901")).toMatch(
    /^2 [\s\S]*--timeout: expected a whole number of seconds from 1 to 900, got 901/,
  );
  const other = process.arch === "x64" ? "arm64" : "x64";
  expect(await refused(open, "toy", "--architecture", other)).toMatch(
    new RegExp(`^2 [\\s\\S]*--architecture: expected ${process.arch}, whose native libraries are installed here, got ${other}`),
  );
  expect(await refused(open, "toy", "--package", "image", "--weights-form", "q4")).toMatch(
    /^2 [\s\S]*--weights-form: expected as-is with --package image/,
  );
  expect(await refused(open, "toy", "--quantize", "auto")).toMatch(
    /^2 [\s\S]*--quantize: expected one of exact, int8, int8-blocks, int4, got "auto"/,
  );
  expect(await refused(open, "toy", "--to", "texts")).toMatch(/^2 [\s\S]*texts: expected nothing of that name yet/);
  expect(readdirSync(open).toSorted()).toEqual(before);
});
