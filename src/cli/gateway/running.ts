/**
 * A gateway that runs, asked as an administrator: `--url`, else where its file says that it listens; with the key in the variable LOAM_GATEWAY_KEY (so that
 * it stands in no list of processes), else with the token file of a gateway on this machine.
 */
import { environment } from "../../base/index.ts";
import { type GatewayConfig, gatewayErrors } from "../../gateway/index.ts";
import { projectErrors } from "../../project/index.ts";
import { tokenFor } from "../../session/index.ts";
import { cliErrors } from "../errors.ts";
import { runningServers } from "../login/running-servers.ts";
import { textOption } from "../options.ts";
import type { Context, Options } from "../verb.ts";

export const keyVariable = "LOAM_GATEWAY_KEY";
/** It answers at once or not at all. */
const timeoutMs = 30_000;

export interface Running {
  readonly url: string;
  readonly key: string;
}

/** Errors: cli/usage where there is neither a key nor a token file, or the address is none. */
export async function runningOf(
  context: Context,
  config: Pick<GatewayConfig, "listen" | "folder"> | undefined,
  options: Options,
  place: string,
): Promise<Running> {
  const { host, port, tls = undefined } = config?.listen ?? { host: "127.0.0.1", port: 8090 };
  const url = textOption(options, "url") ?? `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
    throw cliErrors.fail("usage", { place: `${place}: --url`, expected: "an address such as http://127.0.0.1:8090", received: url });
  const more = config === undefined ? [] : [config.folder];
  const key = environment()[keyVariable] || tokenFor(await runningServers(context, options, more), url);
  if (key !== undefined) return { url: url.replace(/\/+$/, ""), key };
  throw cliErrors.fail("usage", {
    place,
    expected: `an API key in the variable ${keyVariable}, or a gateway of this folder that listens at ${url}`,
    received: "neither",
    hint: `export ${keyVariable}=... (a key of somebody with the role admin: loam gateway keys create)`,
  });
}

/** Its answer, which is JSON. Errors: gateway/unavailable where nobody answers, project/answer with the gateway's own sentence. */
export async function askRunning<T>(
  { url, key }: Running,
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
