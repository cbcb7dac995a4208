/** A Redis server of the bench's own on a loopback port, which keeps nothing on the disk; undefined where the program is not installed. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";

export interface BenchRedis {
  /** `prefix` is before every key. */
  url(prefix: string): string;
  stop(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export async function startBenchRedis(): Promise<BenchRedis | undefined> {
  const port = await freePort();
  const args = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"];
  const child = spawn(process.env.LOAM_REDIS ?? "redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise<void>(done => child.once("close", () => done()));
  const isReady = await new Promise<boolean>((answer, reject) => {
    let log = "";
    child.stdout.on("data", part => {
      log += part;
      if (log.includes("eady to accept connections")) answer(true);
    });
    // no such program
    child.once("error", () => answer(false));
    child.once("exit", () => reject(new Error(`redis-server ended: ${log.slice(-400)}`)));
  });
  if (!isReady) return undefined;
  return {
    url: prefix => `redis://127.0.0.1:${port}/0?prefix=${prefix}`,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
