/** Child processes for tests that kill: a script over this room's sources, bundled once (Node 20 runs no TypeScript), run as a real process. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Bundles a script (its imports are relative to this room) into `folder`; answers the path to run. */
export async function bundleScript(script: string, folder: string, name: string): Promise<string> {
  const modules = join(folder, "node_modules");
  if (!existsSync(modules)) symlinkSync(join(here, "..", "..", "node_modules"), modules);
  const outfile = join(folder, `${name}.mjs`);
  await build({
    stdin: { contents: script, resolveDir: here, loader: "ts" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    outfile,
    logLevel: "error",
  });
  return outfile;
}

export interface Child {
  readonly pid: number;
  /** Resolves with the next line that starts with `word`; rejects when the process ends before. */
  line(word: string): Promise<string>;
  readonly lines: readonly string[];
  say(text: string): void;
  kill(): Promise<void>;
  readonly ended: Promise<number | null>;
}

export function startChild(path: string, args: readonly string[]): Child {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [path, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: string[] = [];
  let used = 0;
  let look: () => void = () => {};
  let over = false;
  createInterface({ input: child.stdout }).on("line", line => {
    lines.push(line);
    look();
  });
  // "close" comes after the last of the output, "exit" may not.
  const ended = new Promise<number | null>(resolve =>
    child.once("close", code => {
      over = true;
      look();
      resolve(code);
    }),
  );
  return {
    pid: child.pid!,
    lines,
    ended,
    line: word =>
      new Promise((resolve, reject) => {
        look = () => {
          const at = lines.findIndex((line, i) => i >= used && line.startsWith(word));
          if (at >= 0) {
            used = at + 1;
            look = () => {};
            resolve(lines[at]!);
          } else if (over) reject(new Error(`the child ended without "${word}"; it said: ${lines.join(" | ")}`));
        };
        look();
      }),
    say: text => child.stdin.write(`${text}\n`),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
