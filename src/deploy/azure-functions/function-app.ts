/**
 * A function app for Azure Functions (Node, programming model v4): one HTTP function for all paths, whose handler passes requests and streams to Loam's server in
 * the same process, by a loopback socket. The host is not here: `@azure/functions` alone is, whose requests and contexts tests use.
 */
import { readFileSync } from "node:fs";
import type { GuardFiles, ModelFile } from "../image/build-image.ts";
import type { ServingBundle } from "../image/serving-packages.ts";
import { folderEntries, guardsFolder } from "../lambda/function-files.ts";
import type { ZipEntry } from "../zip.ts";

const azureFunctionsVersion = "4.16.5";

/** The load balancer ends a request that has sent nothing for this long. */
export const azureIdleSeconds = 230;
/** Whole answers end before that, with an error that says why; streams send comments. */
const answerSeconds = 220;

interface FunctionApp {
  readonly model: string;
  readonly servedDigest: string;
  readonly form: string;
  readonly slots: number;
  readonly context: number;
  readonly auth: "anonymous" | "function";
  /** What responses are guarded with, in the app's folder `guards`. */
  readonly guards?: GuardFiles | undefined;
}

/** No prefix: paths are those of the APIs. A host of version 4 with HTTP streams. */
const hostJson = {
  version: "2.0",
  extensionBundle: { id: "Microsoft.Azure.Functions.ExtensionBundle", version: "[4.*, 5.0.0)" },
  extensions: { http: { routePrefix: "" } },
};

const packageJson = (app: FunctionApp) => ({
  name: app.model.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-"),
  private: true,
  type: "module",
  main: "functions.mjs",
  engines: { node: ">=20.19.0" },
  dependencies: { "@azure/functions": azureFunctionsVersion },
});

const handlerText = (
  app: FunctionApp,
): string => `// One function for all paths: requests and responses are streams, passed to Loam's server in this process.
import { createServer } from "node:net";
import azure from "@azure/functions";

// CommonJS, whose names are not all seen by an import
const { app } = azure;
app.setup({ enableHttpStream: true });

const here = path => new URL(path, import.meta.url);
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function start() {
  process.env.LOAM_HOME ??= (await import("node:os")).tmpdir();
  const { main } = await import(here("app/dist/bundle/main.js").href);
  const port = await freePort();
  const flags = ${JSON.stringify(["--served-model-name", app.model, "--expect-digest", app.servedDigest, "--quantize", app.form, "--slots", String(app.slots), "--context", String(app.context)])};
  const { fileURLToPath } = await import("node:url");
  const guards = ${app.guards ? `["--guards", fileURLToPath(here(${JSON.stringify(`${guardsFolder}/${app.guards.name}`)}))]` : "[]"};
  const ended = main(["serve", fileURLToPath(here("model")), ...flags, ...guards, "--port", String(port)]);
  const url = "http://127.0.0.1:" + port;
  for (;;) {
    const ready = await fetch(url + "/readyz").catch(() => undefined);
    await ready?.arrayBuffer();
    if (ready?.ok) return url;
    const over = await Promise.race([ended.then(code => ({ code })), new Promise(resolve => setTimeout(resolve, 50))]);
    if (over) throw new Error("loam serve ended with exit code " + over.code);
  }
}
let started;

// of one connection, or of the platform's own
const dropped = ["connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "upgrade"];
const kept = headers => Object.fromEntries([...headers].filter(([name]) => !dropped.includes(name)));

export const handler = async (request, context) => {
  started ??= start().catch(error => {
    started = undefined;
    throw error;
  });
  const server = await started;
  const { pathname, search } = new URL(request.url);
  const isBodiless = request.method === "GET" || request.method === "HEAD";
  const headers = { ...kept(request.headers), "x-request-id": request.headers.get("x-request-id") ?? context.invocationId };
  // the load balancer ends what is silent for ${azureIdleSeconds} s; streams send comments, whole answers end before
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), ${1000 * answerSeconds});
  try {
    const body = isBodiless ? {} : { body: request.body, duplex: "half" };
    const response = await fetch(server + pathname + search, { method: request.method, headers, ...body, signal: silent.signal });
    return { status: response.status, headers: kept(response.headers), body: response.body ?? undefined };
  } catch (error) {
    if (!silent.signal.aborted) throw error;
    const message = "Azure Functions: the answer was not there in ${answerSeconds} s. Ask for a stream, or lower max_tokens.";
    return { status: 504, jsonBody: { error: { message, type: "timeout_error", param: null, code: "deadline_exceeded" } } };
  } finally {
    clearTimeout(timer);
  }
};

app.http("loam", {
  methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
  route: "{*path}",
  authLevel: "${app.auth}",
  handler,
});
`;

const json = (data: object): Uint8Array => Buffer.from(`${JSON.stringify(data, undefined, 2)}\n`);

export async function functionAppEntries(bundle: ServingBundle, files: readonly ModelFile[], app: FunctionApp): Promise<ZipEntry[]> {
  return [
    { path: "host.json", bytes: json(hostJson), mode: 0o644 },
    { path: "package.json", bytes: json(packageJson(app)), mode: 0o644 },
    { path: "functions.mjs", bytes: Buffer.from(handlerText(app)), mode: 0o644 },
    ...[...bundle.library, ...bundle.code].map(f => ({ path: `app/${f.to}`, bytes: readFileSync(f.from), mode: 0o644 })),
    ...(await folderEntries("model", files, true)),
    ...(await folderEntries(guardsFolder, app.guards?.files ?? [], false)),
  ];
}
