/** The static pages of the documentation over HTTP, on loopback: files of one folder, nothing else. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";
import { cliErrors } from "./errors.ts";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** The file of a path below the folder; undefined where there is none, or where the path leads out of the folder. */
export function siteFile(folder: string, path: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  if (decoded.includes("\0")) return undefined;
  const file = normalize(join(folder, decoded.endsWith("/") ? `${decoded}index.html` : decoded));
  if (!file.startsWith(folder + sep)) return undefined;
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true ? file : undefined;
}

/** Serves the folder on 127.0.0.1; port 0 picks a free one. Errors: cli/usage where the port is in use. */
export async function serveSite(folder: string, port: number): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const file = siteFile(folder, new URL(request.url ?? "/", "http://localhost").pathname);
    if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) {
      response
        .writeHead(file === undefined ? 404 : 405, { "content-type": "text/plain" })
        .end(file === undefined ? "Not found\n" : "GET only\n");
      return;
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "x-content-type-options": "nosniff" });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
  await new Promise<void>((done, failed) => {
    server.once("error", error =>
      failed(
        cliErrors.fail("usage", {
          place: "loam docs --port",
          expected: "a free port",
          received: `${port} (${error.message})`,
          hint: "Use --port 0 for any free port.",
        }),
      ),
    );
    server.listen(port, "127.0.0.1", done);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}`,
    close: () =>
      new Promise(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
