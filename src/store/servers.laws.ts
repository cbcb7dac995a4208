/**
 * Real servers for the contract suites: PostgreSQL, versitygw (S3) and Redis, each in a folder of its own, on a socket or loopback port that
 * nobody else has, stopped with the test. Where a program is absent the answer is the reason, and the suite is skipped with it.
 */
import { execFileSync, spawn } from "node:child_process";
import { accessSync, chownSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
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
export const until = async (ready: () => Promise<boolean>, what: string, log: () => string): Promise<void> => {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    if (await ready().catch(() => false)) return;
    await new Promise(next => setTimeout(next, 50));
  }
  throw new Error(`${what} did not start within 20 s: ${log()}`);
};

/** versitygw over a folder; `url(name)` makes a bucket's folder and answers its URL. Sets the credentials in the environment. */
export async function startVersitygw(program: string): Promise<RunningServer & { readonly folder: string }> {
  const folder = mkdtempSync(join(scratchBase(), "loam-s3-"));
  const port = await freePort();
  process.env.AWS_ACCESS_KEY_ID = "loam";
  process.env.AWS_SECRET_ACCESS_KEY = "loam-test-only";
  const child = spawn(
    program,
    [
      "--access",
      "loam",
      "--secret",
      "loam-test-only",
      "--port",
      `127.0.0.1:${port}`,
      "--quiet",
      "posix",
      "--sidecar",
      join(folder, "meta"),
      join(folder, "data"),
    ],
    {
      stdio: ["ignore", "ignore", "pipe"],
      cwd: folder,
    },
  );
  let log = "";
  child.stderr.on("data", d => {
    log += d;
  });
  await mkdir(join(folder, "data"), { recursive: true });
  await mkdir(join(folder, "meta"), { recursive: true });
  const endpoint = `http://127.0.0.1:${port}`;
  await until(
    async () => (await fetch(endpoint)).status > 0,
    "versitygw",
    () => log,
  );
  return {
    folder: join(folder, "data"),
    url: name => `s3://${name}/blobs?endpoint=${encodeURIComponent(endpoint)}`,
    stop: () =>
      new Promise(done => {
        child.on("exit", () => {
          rmSync(folder, { recursive: true, force: true });
          done();
        });
        child.kill("SIGKILL");
      }),
  };
}

/** A PostgreSQL server of its own on a loopback port; `url(name)` is a schema of its own. */
export async function startPostgres(initdb: string): Promise<RunningServer> {
  const folder = mkdtempSync(join(scratchBase(), "loam-pg-"));
  const data = join(folder, "data");
  const root = process.getuid?.() === 0;
  const port = await freePort();
  const as = (program: string, args: string[]): [string, string[]] =>
    root ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, ...args]] : [program, args];
  if (root) {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
    chownSync(folder, id("-u"), id("-g"));
  }
  const options = { stdio: "ignore", cwd: folder } as const;
  execFileSync(...as(initdb, ["-D", data, "-U", "loam", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]), options);
  writeFileSync(
    join(data, "postgresql.auto.conf"),
    `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = ''\nshared_buffers = 16MB\n`,
  );
  const [program, args] = as(join(initdb, "..", "postgres"), ["-D", data]);
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
  let log = "";
  child.stderr.on("data", d => {
    log += d;
  });
  await until(
    async () => log.includes("ready to accept connections"),
    "PostgreSQL",
    () => log,
  );
  return {
    url: name => `postgres://loam@127.0.0.1:${port}/postgres?schema=${name}`,
    stop: () =>
      new Promise(done => {
        child.on("exit", () => {
          rmSync(folder, { recursive: true, force: true });
          done();
        });
        // SIGQUIT: end at once, without a checkpoint; setpriv has replaced itself, so the child is the server.
        child.kill("SIGQUIT");
      }),
  };
}

/** A Redis server of its own on a loopback port, which keeps nothing on the disk; `url(name)` is a prefix of its own, `more` goes to its command line. */
export async function startRedis(program: string, more: readonly string[] = []): Promise<RunningServer & { readonly pid: number }> {
  const folder = mkdtempSync(join(scratchBase(), "loam-redis-"));
  const port = await freePort();
  const args = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--dir", folder, ...more];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], cwd: folder });
  let log = "";
  child.stdout.on("data", d => {
    log += d;
  });
  await until(
    async () => log.includes("eady to accept connections"),
    "Redis",
    () => log,
  );
  return {
    pid: child.pid!,
    url: name => `redis://127.0.0.1:${port}/0?prefix=${name}`,
    stop: () =>
      new Promise(done => {
        child.on("exit", () => {
          rmSync(folder, { recursive: true, force: true });
          done();
        });
        child.kill("SIGKILL");
      }),
  };
}
