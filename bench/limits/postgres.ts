/** A PostgreSQL server of the bench's own on a loopback port, in a folder that goes with it; undefined where the program is not installed. */
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BenchPostgres {
  /** `schema` holds the tables. */
  url(schema: string): string;
  stop(): Promise<void>;
}

const root = "/usr/lib/postgresql";

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export async function startBenchPostgres(): Promise<BenchPostgres | undefined> {
  const version = existsSync(root) ? readdirSync(root).sort().at(-1) : undefined;
  if (version === undefined) return undefined;
  const bin = join(root, version, "bin");
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-pg-"));
  const data = join(folder, "data");
  // the server refuses to run as root
  const isRoot = process.getuid?.() === 0;
  const as = (program: string, args: string[]): [string, string[]] =>
    isRoot
      ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", join(bin, program), ...args]]
      : [join(bin, program), args];
  if (isRoot) {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
    chownSync(folder, id("-u"), id("-g"));
  }
  const port = await freePort();
  execFileSync(...as("initdb", ["-D", data, "-U", "loam", "-A", "trust", "-E", "UTF8", "--locale=C"]), { stdio: "ignore", cwd: folder });
  writeFileSync(join(data, "postgresql.auto.conf"), `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = ''\n`);
  const child = spawn(...as("postgres", ["-D", data]), { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
  const ended = new Promise<void>(done => child.once("exit", () => done()));
  await new Promise<void>((ready, reject) => {
    let log = "";
    child.stderr.on("data", part => {
      log += part;
      if (log.includes("ready to accept connections")) ready();
    });
    child.once("exit", () => reject(new Error(`postgres ended: ${log.slice(-400)}`)));
  });
  return {
    url: schema => `postgres://loam@127.0.0.1:${port}/postgres?schema=${schema}`,
    async stop() {
      child.kill("SIGQUIT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
