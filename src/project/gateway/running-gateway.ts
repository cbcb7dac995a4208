/**
 * A gateway that runs, asked as an administrator: `url`, else where its file says that it listens; with a key, else that of the variable LOAM_GATEWAY_KEY
 * (so that it stands in no list of processes), else with the token file of a gateway on this machine.
 */
import { environment } from "../../base/index.ts";
import { type GatewayConfig, gatewayErrors } from "../../gateway/index.ts";
import { tokenFor } from "../../session/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { runningServers } from "../login/running-servers.ts";
import { type GatewayPlace, gatewayOf } from "./gateway-place.ts";

export const keyVariable = "LOAM_GATEWAY_KEY";
/** It answers at once or not at all. */
const timeoutMs = 30_000;

export interface RunningGateway {
  readonly url: string;
  readonly key: string;
}

/** Errors: project/argument where there is neither a key nor a token file, or the address is none. */
export async function runningGateway(
  at: GatewayPlace,
  config: Pick<GatewayConfig, "listen" | "folder"> | undefined,
  verb: string,
): Promise<RunningGateway> {
  const { host, port, tls = undefined } = config?.listen ?? { host: "127.0.0.1", port: 8090 };
  const url = at.url ?? `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
    throw wrongArgument(`${verb}: --url`, "an address such as http://127.0.0.1:8090", url);
  const servers = async () => runningServers(at.folder, config === undefined ? [] : [config.folder]);
  const key = at.key || environment()[keyVariable] || tokenFor(await servers(), url);
  if (key !== undefined) return { url: url.replace(/\/+$/, ""), key };
  throw wrongArgument(
    verb,
    `an API key in the variable ${keyVariable}, or a gateway of this folder that listens at ${url}`,
    "neither",
    `export ${keyVariable}=... (a key of somebody with the role admin: loam gateway keys create)`,
  );
}

/** The one at `url`, else the one whose file is meant. Errors: those of the file; project/argument. */
export const runningFor = async (at: GatewayPlace, verb: string): Promise<RunningGateway> =>
  runningGateway(at, at.url === undefined ? (await gatewayOf(at)).config : undefined, verb);

/** Its answer, which is JSON. Errors: gateway/unavailable where nobody answers, project/answer with the gateway's own sentence. */
export async function askRunning<T>(
  { url, key }: RunningGateway,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const message = "no gateway answers there";
    throw gatewayErrors.fail("unavailable", { place: url, message, hint: "Start it (loam gateway), or name it: --url ADDRESS." }, error);
  }
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw projectErrors.fail("answer", { place: url, message: `status ${response.status}, and no JSON: is this a gateway?` });
  }
  if (response.ok) return value as T;
  const said = (value as { readonly error?: { readonly message?: unknown } }).error?.message;
  throw projectErrors.fail("answer", {
    place: `${method} ${path}`,
    message: typeof said === "string" ? said : `status ${response.status}`,
  });
}

export interface ReloadedGateway {
  readonly url: string;
  /** The newest entry of the list of changes. */
  readonly head: object | null;
}

/** A gateway that runs takes up its changed file now. Errors: project/answer with what is wrong with the file. */
export async function reloadGateway(at: GatewayPlace): Promise<ReloadedGateway> {
  const running = await runningFor(at, "loam gateway reload");
  return { url: running.url, ...(await askRunning<{ readonly head: object | null }>(running, "POST", "/gateway/reload")) };
}
