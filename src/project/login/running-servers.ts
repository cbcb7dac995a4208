/** Servers of this machine that answer here: those whose token files lie in the project, in its folder, or in the home. */
import { z } from "zod";
import { type RunningServer, readTokenFiles } from "../../session/index.ts";
import { wrongArgument } from "../errors.ts";
import { homeFolder } from "../home-folder.ts";
import { projectOrNone } from "../models/home.ts";

/** The newest first. `more`: other folders to look in. */
export async function runningServers(folder: string, more: readonly string[] = []): Promise<readonly RunningServer[]> {
  let project: string | undefined;
  try {
    project = projectOrNone(folder)?.folder;
  } catch {
    // a broken loam.yaml is no reason to leave a running server unreached
  }
  const folders = new Set([...(project === undefined ? [] : [project]), folder, ...more, homeFolder()]);
  const found = await Promise.all([...folders].map(f => readTokenFiles(f)));
  return found.flat().sort((a, b) => b.startedMs - a.startedMs);
}

/** A server of this machine answers at once or not at all. */
const timeoutMs = 5_000;

const issued = z.object({ code: z.string(), expiresInSeconds: z.number() });

/** Undefined where nobody answers there, or another server than the file's. */
async function newCode({ url, token }: RunningServer): Promise<z.output<typeof issued> | undefined> {
  try {
    const response = await fetch(new URL("/login/codes", url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return issued.safeParse(await response.json()).data;
  } catch {
    return undefined;
  }
}

export interface IssuedLogin extends z.output<typeof issued> {
  readonly server: RunningServer;
}

/** A login code of the newest server that answers, or of the one on a port. Errors: project/argument where none answers. */
export async function issueLogin(folder: string, port: number | undefined): Promise<IssuedLogin> {
  const servers = await runningServers(folder);
  for (const server of servers.filter(s => port === undefined || new URL(s.url).port === String(port))) {
    const given = await newCode(server);
    if (given) return { ...given, server };
  }
  throw wrongArgument(
    "loam login",
    port === undefined ? "a running server of this folder's project" : `a running server on port ${port}`,
    servers.length === 0 ? "none" : `no answer at ${servers.map(s => s.url).join(", ")}`,
    "Start one: loam serve. Or name its project's folder: -C FOLDER.",
  );
}
