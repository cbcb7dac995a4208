/**
 * A function of AWS Lambda: the size of SmolLM2-135M in four bits with its program, beside a plain `npm ci --omit=dev`, and its start: new processes from the
 * unpacked archive answer one invocation of a Runtime API here. Processor time, since other work shares the machine; the clock's time stands beside it.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const limitBytes = 250 * 2 ** 20;
const initSeconds = 10;
const starts = 5;
/** Ticks of /proc/PID/stat in a second. */
const ticks = 100;

const bytesBelow = (path: string): number =>
  readdirSync(path, { withFileTypes: true, recursive: true }).reduce(
    (sum, e) => sum + (e.isFile() ? statSync(join(e.parentPath, e.name)).size : 0),
    0,
  );

const event = JSON.stringify({
  version: "2.0",
  rawPath: "/v1/chat/completions",
  headers: { host: "bench.lambda-url.eu-central-1.on.aws", "content-type": "application/json" },
  requestContext: { domainName: "bench.lambda-url.eu-central-1.on.aws", http: { method: "POST" } },
  body: JSON.stringify({ model: "smol", max_tokens: 1, messages: [{ role: "user", content: "Hi" }] }),
});

interface Start {
  readonly seconds: number;
  readonly processorSeconds: number;
}

/** Processor seconds of a process and its threads so far. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

/** Starts the function and waits for its first response. */
function start(task: string): Promise<Start> {
  return new Promise((resolve, reject) => {
    let began = 0;
    let isHanded = false;
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        if (request.url?.endsWith("/next")) {
          if (isHanded) return;
          isHanded = true;
          response.writeHead(200, { "Lambda-Runtime-Aws-Request-Id": "one", "Lambda-Runtime-Deadline-Ms": String(Date.now() + 300_000) });
          response.end(event);
          return;
        }
        const seconds = (performance.now() - began) / 1000;
        response.writeHead(202).end("{}");
        const body = Buffer.concat(pieces).toString("utf8");
        const used = processorSeconds(child!.pid!);
        child!.kill("SIGKILL");
        server.closeAllConnections();
        server.close();
        if (body.includes('"finish_reason"')) resolve({ seconds, processorSeconds: used });
        else reject(new Error(`the function answered: ${body.slice(0, 500)}`));
      });
    });
    let child: ReturnType<typeof spawn> | undefined;
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      began = performance.now();
      const env = { PATH: process.env.PATH ?? "", LAMBDA_TASK_ROOT: task, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}` };
      child = spawn(join(task, "bootstrap"), [process.execPath], { env, stdio: "ignore" });
      child.once("error", reject);
    });
  });
}

function unpack(zip: string, to: string): number {
  let bytes = 0;
  for (const [name, content] of Object.entries(unzipSync(readFileSync(zip)))) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    writeFileSync(join(to, name), content);
    bytes += content.length;
  }
  chmodSync(join(to, "bootstrap"), 0o755);
  return bytes;
}

/** What `npm ci --omit=dev` of the same lock file puts on the disk, with the built program. */
function plainBytes(folder: string): number {
  mkdirSync(folder);
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(packageFolder, name), join(folder, name));
  const { status, stderr } = spawnSync("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm ci: expected exit code 0, got ${status}: ${stderr}`);
  return (
    bytesBelow(join(folder, "node_modules")) +
    bytesBelow(join(packageFolder, "dist", "src")) +
    bytesBelow(join(packageFolder, "dist", "bundle"))
  );
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const { LOAM_MODELS: models } = process.env;
  if (models === undefined) throw new Error("lambda: expected LOAM_MODELS, a folder with smollm2-135m-instruct; got none");
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-lambda-"));
  try {
    const env = { ...process.env, LOAM_HOME: join(folder, "home") };
    const loam = (...args: string[]) =>
      execFileSync(process.execPath, [join(packageFolder, "bin", "loam.js"), ...args], { cwd: folder, env, encoding: "utf8" });
    mkdirSync(env.LOAM_HOME);
    say("loam models import, loam deploy lambda");
    const weights = join(models, "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
    loam("models", "import", weights, "--name", "smol");
    const began = performance.now();
    loam("deploy", "lambda", "smol", "--to", "out");
    const deploySeconds = (performance.now() - began) / 1000;
    const task = join(folder, "task");
    const bytes = unpack(join(folder, "out", "function.zip"), task);
    const measured: Start[] = [];
    for (let i = 0; i < starts; i++) {
      measured.push(await start(task));
      say(`start ${i + 1}: ${digits(measured.at(-1)!.seconds)} s, ${digits(measured.at(-1)!.processorSeconds)} s of processor time`);
    }
    say("npm ci --omit=dev");
    const plain = plainBytes(join(folder, "plain")) + statSync(weights).size;
    const processor = digits(median(measured.map(m => m.processorSeconds)));
    const clock = digits(median(measured.map(m => m.seconds)));
    return {
      method: `SmolLM2-135M-Instruct Q4_1, served as int8-blocks, one slot, 4,096 tokens; ${starts} starts in new processes, from spawn to the first response of one token; medians`,
      ours: {
        unpackedMB: digits(bytes / 1e6, 4),
        zippedMB: digits(statSync(join(folder, "out", "function.zip")).size / 1e6, 4),
        deploySeconds: digits(deploySeconds),
        processorSeconds: processor,
        clockSeconds: clock,
        starts: measured.map(m => [digits(m.seconds), digits(m.processorSeconds)]),
        load: digits(loadavg()[0]!),
      },
      peers: { "npm ci --omit=dev": { unpackedMB: digits(plain / 1e6, 4) } },
      ratios: { unpacked: digits(plain / bytes) },
      bars: [
        { name: "unpacked", want: "<= 262.1 MB (250 MiB)", got: digits(bytes / 1e6, 4), holds: bytes <= limitBytes },
        { name: "first response, processor time", want: `<= ${initSeconds} s`, got: processor, holds: processor <= initSeconds },
        { name: "first response, clock", want: `<= ${initSeconds} s`, got: clock, holds: clock <= initSeconds },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
