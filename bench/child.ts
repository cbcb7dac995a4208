/** Runs one side of a comparison as a process and gives what it prints. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export const run = (
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(
      file,
      [...args],
      { ...(options.cwd === undefined ? {} : { cwd: options.cwd }), env: { ...process.env, ...options.env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) =>
        error ? reject(new Error(`${file} ${args.join(" ").slice(0, 80)}: ${error.message}\n${stderr.slice(-600)}`)) : resolve(stdout),
    );
  });

/** A compiled file of this folder with one JSON argument, answering one JSON line. */
export const runOwn = async <T>(name: string, given: unknown): Promise<T> =>
  JSON.parse(
    (await run(process.execPath, [fileURLToPath(new URL(`./${name}.js`, import.meta.url)), JSON.stringify(given)]))
      .trim()
      .split("\n")
      .at(-1)!,
  ) as T;
