/** Programs that tests need and a machine may lack: where they are, free ports for them, and their end. */
import type { ChildProcess } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
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

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise(resolve => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Stops a child and waits for its end. */
export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise(resolve => child.once("exit", resolve));
  child.kill();
  await end;
}
