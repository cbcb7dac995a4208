/** A server under measurement: started on a free port, waited for, watched, and stopped again, whatever happens. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../../src/project/package.ts";
import { findLlama } from "../llama.ts";

/** Threads that a server computes with: Loam takes all processors, and so does the other side. */
export const threads = availableParallelism();
const lookMs = 50;
const readyWithinMs = 180_000;
const endsWithinMs = 30_000;
/** Of a server's complaints, what is shown when it fails. */
const keptText = 4000;

export const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export interface ServerProgram {
  readonly name: string;
  readonly command: (port: number) => readonly string[];
  /** Where it says 200 once it answers. */
  readonly readyPath: string;
  /** Beside the bench's own variables. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface MemoryUse {
  /** Pages in memory that belong to it, shared ones included. */
  readonly residentBytes: number;
  /** Those without a file behind them: what it allocated. */
  readonly anonymousBytes: number;
  /** Those of files, such as a mapped model. */
  readonly fileBytes: number;
  /** The most that was resident since the start. */
  readonly peakBytes: number;
}

export class RunningServer implements AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from its start until it was ready. */
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(url: string, child: ChildProcess, ended: Promise<void>, readyMs: number) {
    this.url = url;
    this.pid = child.pid!;
    this.readyMs = readyMs;
    this.#child = child;
    this.#ended = ended;
  }

  /** From Linux' own account; undefined where there is none. */
  memory(): MemoryUse | undefined {
    const path = `/proc/${this.pid}/smaps_rollup`;
    if (!existsSync(path)) return undefined;
    const text = readFileSync(path, "utf8") + readFileSync(`/proc/${this.pid}/status`, "utf8");
    const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
    const [residentBytes, anonymousBytes] = [bytes("Rss"), bytes("Anonymous")];
    return { residentBytes, anonymousBytes, fileBytes: residentBytes - anonymousBytes, peakBytes: bytes("VmHWM") };
  }

  /** Processor seconds since the start, of all threads; Linux counts in hundredths. Undefined where the system does not tell. */
  processorSeconds(): number | undefined {
    const path = `/proc/${this.pid}/stat`;
    if (!existsSync(path)) return undefined;
    const fields = readFileSync(path, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Open files and sockets; undefined where the system does not tell. */
  handles(): number | undefined {
    const folder = `/proc/${this.pid}/fd`;
    return existsSync(folder) ? readdirSync(folder).length : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), endsWithinMs);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Starts a server and waits until it answers. Errors: with its own last words where it does not. */
export async function startServer({ name, command, readyPath, env }: ServerProgram): Promise<RunningServer> {
  const port = await freePort();
  const [program, ...args] = command(port);
  const began = performance.now();
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe"], cwd: packageFolder, env: { ...process.env, ...env } });
  let said = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (bytes: Buffer) => {
      said = (said + bytes.toString("utf8")).slice(-keptText);
    });
  // a bench that is stopped leaves no server behind
  const stop = () => {
    child.kill("SIGKILL");
    process.exit(1);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  let isOver = false;
  const ended = new Promise<void>(resolve => {
    const over = () => {
      isOver = true;
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
      resolve();
    };
    child.once("close", over);
    child.once("error", error => {
      said += error.message;
      over();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  while (!isOver && performance.now() - began < readyWithinMs) {
    const isReady = await fetch(url + readyPath).then(
      async r => {
        await r.arrayBuffer();
        return r.status === 200;
      },
      () => false,
    );
    if (isReady) return new RunningServer(url, child, ended, performance.now() - began);
    await new Promise(resolve => setTimeout(resolve, lookMs));
  }
  child.kill("SIGKILL");
  await ended;
  throw new Error(`${name}: expected 200 of ${readyPath} within ${readyWithinMs / 1000} s; it said:\n${said}`);
}

export interface ServeChoice {
  readonly slots: number;
  readonly context: number;
  /** As of `loam serve --quantize`; its default where absent. */
  readonly form?: string | undefined;
  /** Further flags. */
  readonly more?: readonly string[];
}

/** `loam serve` over a file or a folder. */
export const loamServer = (model: string, { slots, context, form, more = [] }: ServeChoice): ServerProgram => ({
  name: form === undefined ? "loam serve" : `loam serve --quantize ${form}`,
  command: port => [
    process.execPath,
    join(packageFolder, "bin", "loam.js"),
    "serve",
    model,
    ...["--port", String(port), "--slots", String(slots), "--context", String(context)],
    ...(form === undefined ? [] : ["--quantize", form]),
    ...more,
  ],
  readyPath: "/readyz",
});

/** llama.cpp's server over a GGUF file, with as many slots of as much room; Loam's context is a slot's, llama.cpp's all slots' together. */
export const llamaServer = (program: string, model: string, { slots, context }: Omit<ServeChoice, "form" | "more">): ServerProgram => ({
  name: "llama-server",
  command: port => [
    program,
    ...["-m", model, "--host", "127.0.0.1", "--port", String(port), "-np", String(slots), "-c", String(slots * context)],
    // threads for answers and for prompts; no page of its own, no log of every request
    ...["-t", String(threads), "-tb", String(threads), "--no-webui", "--log-disable"],
  ],
  readyPath: "/health",
});

/** llama.cpp's server; see `findLlama`. */
export const findLlamaServer = (peers: string | undefined): string | undefined => findLlama(peers, "llama-server");

/** What a build of llama.cpp says of itself, which it says on stderr. */
export function llamaVersion(program: string): string {
  const { stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return /version: .*/.exec(`${stdout}\n${stderr}`)?.[0] ?? "unknown";
}
