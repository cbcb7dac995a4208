/** Programs that tests need and a machine may lack: where they are, free ports for them, and their end. */
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

const isRunnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The program that an environment variable names, or one of these paths, or the `PATH`; undefined where there is none. */
export const installed = (name: string, variable: string, ...paths: readonly string[]): string | undefined =>
  [process.env[variable] ?? "", ...paths, ...(process.env.PATH ?? "").split(delimiter).map(f => join(f, name))].find(
    p => p !== "" && isRunnable(p),
  );

/** A port that nobody listens at, below those that systems give to connections and servers without a port and above those of Ray's workers (10002 to 19999): nobody else is given it before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await new Promise<boolean>(resolve => server.once("listening", () => resolve(true)).once("error", () => resolve(false)));
    if (!isFree) continue;
    await new Promise(resolve => server.close(resolve));
    return port;
  }
}

/** Stops a child and waits for its end. */
export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise(resolve => child.once("exit", resolve));
  child.kill();
  await end;
}
