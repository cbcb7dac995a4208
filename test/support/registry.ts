/** A real registry of containers (the CNCF's distribution) over a folder, on a loopback port of its own; and a line that breaks off where a test says. */
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ending, findGoProgram, started } from "../../src/store/servers.laws.ts";

export const findRegistry = () => findGoProgram("registry", "LOAM_REGISTRY", "github.com/distribution/distribution/v3/cmd/registry");

export interface RunningRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Where its blobs lie. */
  readonly folder: string;
}

/** Starts one; it ends with the test. `auth` is that part of its configuration; `data`: where its blobs lie, a folder of its own by default. */
export async function startRegistry(program: string, auth: object = {}, data?: string): Promise<RunningRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "loam-registry-"));
  const { port, child } = await started(
    "registry",
    port => {
      const config = {
        version: 0.1,
        log: { level: "error", accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: data ?? join(folder, "data") }, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${port}`, secret: "of-this-test" },
        ...(Object.keys(auth).length > 0 ? { auth } : {}),
      };
      writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
      return spawn(program, ["serve", join(folder, "config.yml")], {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
      });
    },
    async port => (await fetch(`http://127.0.0.1:${port}/v2/`)).status > 0,
  );
  onTestFinished(ending(child, folder, "SIGKILL"));
  return { host: `127.0.0.1:${port}`, folder: data ?? join(folder, "data") };
}

export interface Line {
  readonly host: string;
  /** How often it broke off. */
  readonly breaks: () => number;
}

/** A line to a server that breaks off after so many bytes of one connection in the given direction, each count once. */
export async function brittleLine(
  to: string,
  after: { readonly up?: readonly number[]; readonly down?: readonly number[] },
): Promise<Line> {
  const left = { up: [...(after.up ?? [])], down: [...(after.down ?? [])] };
  let breaks = 0;
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const [host = "", port = ""] = to.split(":");
    const upstream = connect(Number(port), host);
    for (const s of [client, upstream]) {
      sockets.add(s);
      s.on("error", () => {});
      s.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    const pass = (from: Socket, into: Socket, way: "up" | "down") => {
      let bytes = 0;
      from.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (left[way][0] !== undefined && bytes > left[way][0]) {
          left[way].shift();
          breaks++;
          client.destroy();
          upstream.destroy();
          return;
        }
        into.write(piece);
      });
      from.on("end", () => into.end());
    };
    pass(client, upstream, "up");
    pass(upstream, client, "down");
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const s of sockets) s.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as { port: number }).port}`, breaks: () => breaks };
}
