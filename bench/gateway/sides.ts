/**
 * Gateways as child processes before one upstream, each started, waited for, loaded by autocannon from a process of its own, and stopped. Peers
 * come from bench/peers: Portkey and autocannon from npm, LiteLLM in an environment of its own.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const own = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const body = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
/** LiteLLM takes about a minute on a busy machine of two cores. */
const startMs = 180_000;

export interface Side {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pid: number;
  /** Of its process, after a collection; for sides that are modules of this folder. */
  memory?(): Promise<Memory>;
  stop(): void;
}

export interface Memory {
  readonly rssBytes: number;
  /** Of the heap and of buffers beside it. */
  readonly liveBytes: number;
  /** Processor time since it began. */
  readonly cpuMs: number;
}

const memoryOf = (child: ChildProcess) => (): Promise<Memory> =>
  new Promise(resolve => {
    child.once("message", resolve as (message: unknown) => void);
    child.send("memory");
  });

const stopped = (child: ChildProcess) => () => void child.kill("SIGKILL");

interface Started {
  readonly port: number;
  readonly key?: string;
  readonly other?: string;
  readonly child: ChildProcess;
}

/** A module of this folder that says its port on the first line. */
async function started(name: string, args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, ["--expose-gc", "--import", own("memory"), own(name), ...args], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  for await (const line of child.stdout!) return { ...(JSON.parse(String(line)) as Omit<Started, "child">), child };
  throw new Error(`${name} ended before it listened`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>(resolve => server.close(() => resolve()));
  return port;
}

/** Waits until it answers 200 to what it will be loaded with. */
async function answering(side: Side): Promise<Side> {
  const until = performance.now() + startMs;
  let last = "";
  while (performance.now() < until) {
    try {
      const headers = { "content-type": "application/json", ...side.headers };
      const response = await fetch(`${side.url}/v1/chat/completions`, { method: "POST", body, headers });
      last = `status ${response.status}: ${(await response.text()).slice(0, 200)}`;
      if (response.status === 200) return side;
    } catch (error) {
      last = String(error);
    }
    await new Promise(resolve => setTimeout(resolve, 500));
  }
  side.stop();
  throw new Error(`${side.name} did not answer (${last})`);
}

/** Of a stream, the time between two tokens is `tokenMs`. */
export async function upstream(latencyMs: number, tokenMs = 100): Promise<Side> {
  const { port, child } = await started("upstream", [String(latencyMs), String(tokenMs)]);
  return answering({ name: "upstream", url: `http://127.0.0.1:${port}`, headers: {}, pid: child.pid!, stop: stopped(child) });
}

export async function bare(up: Side): Promise<Side> {
  const { port, child } = await started("bare", [`${up.url}/v1`]);
  const url = `http://127.0.0.1:${port}`;
  return answering({ name: "Hono and undici", url, headers: {}, pid: child.pid!, memory: memoryOf(child), stop: stopped(child) });
}

/** `state`: `memory:`, or `sqlite:` for a file. */
export async function loam(up: Side, state: "memory:" | "sqlite:"): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), "loam-gateway-"));
  const { port, key, child } = await started("loam", [`${up.url}/v1`, state === "memory:" ? state : "sqlite:state.sqlite", folder]);
  return answering({
    name: state === "memory:" ? "Loam" : "Loam, SQLite",
    url: `http://127.0.0.1:${port}`,
    headers: { authorization: `Bearer ${key}` },
    pid: child.pid!,
    memory: memoryOf(child),
    stop: () => {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

/** Loam with its default limits of an upstream and two keys. */
export interface Isolated extends Side {
  readonly keys: readonly string[];
}

export async function isolated(up: Side): Promise<Isolated> {
  const folder = mkdtempSync(join(tmpdir(), "loam-gateway-"));
  const { port, key = "", other = "", child } = await started("loam", [`${up.url}/v1`, "memory:", folder, "defaults"]);
  const side = await answering({
    name: "Loam",
    url: `http://127.0.0.1:${port}`,
    headers: { authorization: `Bearer ${key}` },
    pid: child.pid!,
    stop: () => {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  });
  return { ...side, keys: [key, other] };
}

export async function portkey(up: Side, peers: string): Promise<Side> {
  const script = join(peers, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (!existsSync(script)) throw new Error("bench/peers has no Portkey");
  const port = await freePort();
  const child = spawn(process.execPath, [script, "--headless", `--port=${port}`], {
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production", TRUSTED_CUSTOM_HOSTS: "localhost,127.0.0.1" },
  });
  const headers = { "x-portkey-provider": "openai", "x-portkey-custom-host": `${up.url}/v1`, authorization: "Bearer x" };
  return answering({ name: "Portkey", url: `http://127.0.0.1:${port}`, headers, pid: child.pid!, stop: stopped(child) });
}

export async function litellm(up: Side, peers: string): Promise<Side> {
  const program = join(peers, ".venv-litellm/bin/litellm");
  if (!existsSync(program)) throw new Error("bench/peers has no LiteLLM (npm run bench -- peers --litellm)");
  const folder = mkdtempSync(join(tmpdir(), "loam-litellm-"));
  const config = join(folder, "config.yaml");
  writeFileSync(
    config,
    JSON.stringify({
      model_list: [{ model_name: "gpt-4o", litellm_params: { model: "openai/inner", api_base: `${up.url}/v1`, api_key: "x" } }],
      general_settings: { master_key: "sk-master" },
    }),
  );
  const port = await freePort();
  const child = spawn(program, ["--config", config, "--host", "127.0.0.1", "--port", String(port), "--telemetry", "False"], {
    stdio: "ignore",
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_LOG: "ERROR" },
  });
  return answering({
    name: "LiteLLM",
    url: `http://127.0.0.1:${port}`,
    headers: { authorization: "Bearer sk-master" },
    pid: child.pid!,
    stop: () => {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

export interface Load {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

export interface LoadOptions {
  readonly seconds: number;
  readonly connections: number;
  /** Requests a second in all; as many as go when absent. */
  readonly rate?: number;
}

/** Errors where bench/peers has no autocannon. */
export async function load(side: Side, peers: string, { seconds, connections, rate }: LoadOptions): Promise<Load> {
  const script = join(peers, "node_modules/autocannon/autocannon.js");
  const headers = Object.entries({ "content-type": "application/json", ...side.headers }).flatMap(([k, v]) => ["-H", `${k}=${v}`]);
  const args = ["-c", String(connections), "-d", String(seconds), "-m", "POST", ...headers, "-b", body, "--json", "--no-progress"];
  if (rate !== undefined) args.push("-R", String(rate));
  const { stdout } = await run(process.execPath, [script, ...args, `${side.url}/v1/chat/completions`], { maxBuffer: 64 * 1024 * 1024 });
  const report = JSON.parse(stdout) as {
    requests: { average: number };
    latency: { p50: number; p99: number };
    non2xx: number;
    errors: number;
  };
  return {
    requestsPerSecond: report.requests.average,
    p50Ms: report.latency.p50,
    p99Ms: report.latency.p99,
    failures: report.non2xx + report.errors,
  };
}

/** Asked without a pause for so long, a few requests at once: V8 compiles a gateway's code for some 10,000 requests. */
export async function warm(side: Side, seconds: number): Promise<void> {
  const { Pool } = await import("undici");
  const pool = new Pool(side.url, { connections: 12 });
  const headers = { "content-type": "application/json", ...side.headers };
  const until = performance.now() + 1000 * seconds;
  const client = async () => {
    while (performance.now() < until)
      await (await pool.request({ path: "/v1/chat/completions", method: "POST", headers, body })).body.text();
  };
  await Promise.all(Array.from({ length: 12 }, client));
  await pool.close();
}

/** What an answer of `upstream.ts` says of itself. */
const took = /took +(\d+\.\d+) ms/;

/**
 * Times of single requests at a fixed rate without what the upstream kept each by its own clock, in milliseconds with fractions: autocannon's are whole,
 * and what a timer is off by is as much as a gateway adds. Open loop: a late answer delays no request.
 */
export async function timed(
  side: Side,
  rate: number,
  seconds: number,
): Promise<{ readonly p50Ms: number; readonly p99Ms: number; readonly failures: number }> {
  const { Pool } = await import("undici");
  const pool = new Pool(side.url, { connections: 256 });
  const headers = { "content-type": "application/json", ...side.headers };
  const times: number[] = [];
  let failures = 0;
  const one = async () => {
    const began = performance.now();
    try {
      const reply = await pool.request({ path: "/v1/chat/completions", method: "POST", headers, body });
      const text = await reply.body.text();
      const ms = performance.now() - began - Number(took.exec(text)?.[1]);
      if (reply.statusCode !== 200 || Number.isNaN(ms)) failures++;
      else times.push(ms);
    } catch {
      failures++;
    }
  };
  const all: Promise<void>[] = [];
  const began = performance.now();
  const count = Math.round(rate * seconds);
  for (let i = 0; i < count; i++) {
    const dueMs = (i / rate) * 1000 - (performance.now() - began);
    if (dueMs > 0) await new Promise(resolve => setTimeout(resolve, dueMs));
    all.push(one());
  }
  await Promise.all(all);
  await pool.close();
  times.sort((a, b) => a - b);
  const at = (q: number) => times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), failures };
}
