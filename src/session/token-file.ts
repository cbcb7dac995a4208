/**
 * How programs of this machine reach a running server: a file per port in `.loam/servers`, with its address and token, which only its owner reads
 * (0600 in a folder of 0700). Written when the server listens, in place of what was there, and removed when it stops; what a crash leaves behind
 * opens nothing, since the next server has another token.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fileError } from "../base/index.ts";

const schema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  token: z.string().min(1),
  pid: z.int().positive(),
  startedMs: z.number(),
});
export type RunningServer = Readonly<z.output<typeof schema>>;

/** `folder`: the project's or home's, which holds `.loam`. */
export const serversFolder = (folder: string): string => join(folder, ".loam", "servers");
const fileOf = (folder: string, port: number): string => join(serversFolder(folder), `${port}.json`);

const portOf = (url: string): number => {
  const { port, protocol } = new URL(url);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
};

async function read(path: string): Promise<RunningServer | undefined> {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    // not there, not whole, or not for us
    return undefined;
  }
}

/** Gives what removes it again, unless another server's is there by then. Errors: those of the disk. */
export async function writeTokenFile(folder: string, server: RunningServer): Promise<() => Promise<void>> {
  const path = fileOf(folder, portOf(server.url));
  const part = join(serversFolder(folder), `.${process.pid}-${randomBytes(6).toString("hex")}.part`);
  try {
    await mkdir(serversFolder(folder), { recursive: true, mode: 0o700 });
    // one that was there before keeps its mode otherwise
    await chmod(serversFolder(folder), 0o700);
    // never readable by others, not for a moment: made anew with its mode, then renamed
    const file = await open(part, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(server)}\n`);
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw fileError(error, path);
  }
  return async () => {
    const there = await read(path);
    if (there?.token === server.token) await rm(path, { force: true });
  };
}

/** Servers of a folder, the newest first; files that cannot be read are left out. */
export async function readTokenFiles(folder: string): Promise<readonly RunningServer[]> {
  const names = await readdir(serversFolder(folder)).catch(() => []);
  const found = await Promise.all(names.filter(n => /^\d+\.json$/.test(n)).map(n => read(join(serversFolder(folder), n))));
  return found.filter(s => s !== undefined).sort((a, b) => b.startedMs - a.startedMs);
}

/** The token of the server at exactly this address; a token is sent nowhere else. */
export const tokenFor = (servers: readonly RunningServer[], url: string): string | undefined =>
  URL.canParse(url) ? servers.find(s => new URL(s.url).origin === new URL(url).origin)?.token : undefined;
