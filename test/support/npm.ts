/** npm as a user runs it: the one that started the tests, else the one in PATH. */
import { spawnSync } from "node:child_process";

export interface NpmEnded {
  readonly code: number | null;
  readonly output: string;
}

const own = process.env.npm_execpath;

/** Runs npm to its end. npm's own settings of the calling process do not reach it. */
export function npm(args: readonly string[], cwd: string): NpmEnded {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_(?!registry|cache|userconfig)|lifecycle|package)/i.test(name)),
  );
  const [program, first] = own?.endsWith(".js") ? [process.execPath, [own]] : ["npm", []];
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], {
    cwd,
    env,
    encoding: "utf8",
    shell: process.platform === "win32" && !own,
  });
  return { code: status, output: `${stdout}${stderr}` };
}

/** npm's words for a registry that cannot be reached; undefined for anything else. */
export const offline = (output: string): string | undefined =>
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/.exec(output)?.[0];
