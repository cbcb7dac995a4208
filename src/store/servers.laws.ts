/**
 * Real servers for the contract suites: PostgreSQL, versitygw (S3) and Redis, each in a folder of its own, on a socket or loopback port that
 * nobody else has, stopped with the test. Where a program is absent the answer is the reason, and the suite is skipped with it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, chownSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { scratchBase } from "./scratch.laws.ts";

export interface RunningServer {
  readonly url: (name: string) => string;
  stop(): Promise<void>;
}
export type Found = { readonly program: string; readonly reason?: undefined } | { readonly program?: undefined; readonly reason: string };

const runnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
const onPath = (name: string): string[] => (process.env.PATH ?? "").split(delimiter).map(folder => join(folder, name));
const first = (paths: readonly string[], reason: string): Found => {
  const program = paths.find(runnable);
  return program ? { program } : { reason };
};

const goFolder = (): string => {
  try {
    return execFileSync("go", ["env", "GOPATH"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return join(process.env.HOME ?? "/", "go");
  }
};

/** A program of a Go module: where `variable` says, in PATH, or where `go install` puts it. */
export const findGoProgram = (name: string, variable: string, module: string): Found =>
  first(
    [process.env[variable] ?? "", ...onPath(name), join(goFolder(), "bin", name)].filter(p => p !== ""),
    `${name} is not installed: go install ${module}@latest`,
  );
export const findVersitygw = (): Found => findGoProgram("versitygw", "LOAM_VERSITYGW", "github.com/versity/versitygw/cmd/versitygw");

export function findPostgres(): Found {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").sort().reverse() : [];
  const found = first(
    [...onPath("initdb"), ...versions.map(v => `/usr/lib/postgresql/${v}/bin/initdb`)],
    "the PostgreSQL server is not installed (initdb is neither in PATH nor in /usr/lib/postgresql)",
  );
  if (found.program && process.getuid?.() === 0) {
    try {
      execFileSync("id", ["postgres"], { stdio: "ignore" });
      execFileSync("setpriv", ["--version"], { stdio: "ignore" });
    } catch {
      return { reason: "PostgreSQL refuses to run as root, and there is no user postgres or no setpriv to change to it" };
    }
  }
  return found;
}

export const findRedis = (): Found =>
  first(
    [process.env.LOAM_REDIS ?? "", ...onPath("redis-server"), ...onPath("valkey-server")].filter(p => p !== ""),
    "redis-server is not installed: apt-get install redis-server",
  );

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Waits until a server is ready, 20 s at most. */
const until = async (ready: () => Promise<boolean>, what: string, log: () => string): Promise<void> => {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    if (await ready().catch(() => false)) return;
    await new Promise(next => setTimeout(next, 50));
  }
  throw new Error(`${what} did not start within 20 s: ${log()}`);
};

/**
 * Starts a server on a free port and waits until it is ready. One that ends before (another process may have taken its port in between) is started again on
 * another, twice; then what it said is the error.
 */
export async function started(
  what: string,
  launch: (port: number) => ChildProcess,
  isReady: (port: number, log: string) => Promise<boolean>,
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = launch(port);
    let [log, hasEnded] = ["", false];
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", d => {
        log += d;
      });
    child.once("exit", () => {
      hasEnded = true;
    });
    await until(
      async () => hasEnded || (await isReady(port, log)),
      what,
      () => log,
    );
    if (!hasEnded) return { port, child };
    if (attempt === 3) throw new Error(`${what} ended before it was ready: ${log}`);
  }
}

/** Ends it, and removes its folder. */
export const ending = (child: ChildProcess, folder: string, signal: NodeJS.Signals) => (): Promise<void> =>
  new Promise(done => {
    child.on("exit", () => {
      rmSync(folder, { recursive: true, force: true });
      done();
    });
    child.kill(signal);
  });

/** versitygw over a folder; `url(name)` makes a bucket's folder and answers its URL. Sets the credentials in the environment. */
export async function startVersitygw(program: string): Promise<RunningServer & { readonly folder: string }> {
  const folder = mkdtempSync(join(scratchBase(), "loam-s3-"));
  const [data, meta] = [join(folder, "data"), join(folder, "meta")];
  // before it starts: it ends where they are not there
  for (const part of [data, meta]) mkdirSync(part);
  process.env.AWS_ACCESS_KEY_ID = "loam";
  process.env.AWS_SECRET_ACCESS_KEY = "loam-test-only";
  const { port, child } = await started(
    "versitygw",
    port => {
      const given = ["--access", "loam", "--secret", "loam-test-only", "--port", `127.0.0.1:${port}`, "--quiet"];
      return spawn(program, [...given, "posix", "--sidecar", meta, data], { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
    },
    async port => (await fetch(`http://127.0.0.1:${port}`)).status > 0,
  );
  return {
    folder: data,
    url: name => `s3://${name}/blobs?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}`,
    stop: ending(child, folder, "SIGKILL"),
  };
}

/** A PostgreSQL server of its own on a loopback port; `url(name)` is a schema of its own. */
export async function startPostgres(initdb: string): Promise<RunningServer> {
  const folder = mkdtempSync(join(scratchBase(), "loam-pg-"));
  const data = join(folder, "data");
  const root = process.getuid?.() === 0;
  const as = (program: string, args: string[]): [string, string[]] =>
    root ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, ...args]] : [program, args];
  if (root) {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
    chownSync(folder, id("-u"), id("-g"));
  }
  const options = { stdio: "ignore", cwd: folder } as const;
  execFileSync(...as(initdb, ["-D", data, "-U", "loam", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]), options);
  const [program, args] = as(join(initdb, "..", "postgres"), ["-D", data]);
  const { port, child } = await started(
    "PostgreSQL",
    port => {
      writeFileSync(
        join(data, "postgresql.auto.conf"),
        `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = ''\nshared_buffers = 16MB\n`,
      );
      return spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
    },
    async (_, log) => log.includes("ready to accept connections"),
  );
  return {
    url: name => `postgres://loam@127.0.0.1:${port}/postgres?schema=${name}`,
    // SIGQUIT: end at once, without a checkpoint; setpriv has replaced itself, so the child is the server.
    stop: ending(child, folder, "SIGQUIT"),
  };
}

/** A Redis server of its own on a loopback port, which keeps nothing on the disk; `url(name)` is a prefix of its own, `more` goes to its command line. */
export async function startRedis(program: string, more: readonly string[] = []): Promise<RunningServer & { readonly pid: number }> {
  const folder = mkdtempSync(join(scratchBase(), "loam-redis-"));
  const { port, child } = await started(
    "Redis",
    port => {
      const args = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--dir", folder, ...more];
      return spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], cwd: folder });
    },
    async (_, log) => log.includes("eady to accept connections"),
  );
  return { pid: child.pid!, url: name => `redis://127.0.0.1:${port}/0?prefix=${name}`, stop: ending(child, folder, "SIGKILL") };
}
