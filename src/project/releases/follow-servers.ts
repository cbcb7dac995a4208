/** Servers of a project on this machine look at its aliases and versions now, and not at their next look: called where an alias has moved. */
import { readTokenFiles } from "../../session/index.ts";

/** A server answers within this time; one that does not finds the alias at its own next look. */
const timeoutMs = 2_000;

/** How many have looked. `folder`: where the project's record is. Never fails: whoever moved an alias has moved it. */
export async function followServers(folder: string): Promise<number> {
  const servers = await readTokenFiles(folder).catch(() => []);
  const told = servers.map(async ({ url, token }) => {
    const response = await fetch(new URL("/v1/admin/follow", url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: "{}",
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`status ${response.status}`);
  });
  return (await Promise.allSettled(told)).filter(t => t.status === "fulfilled").length;
}
