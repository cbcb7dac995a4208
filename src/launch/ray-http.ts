/** Requests to the Jobs API of Ray's dashboard (`/api/jobs/`): JSON over HTTP, as `ray job submit` sends it. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { environment } from "../base/index.ts";
import { launchErrors } from "./errors.ts";

const timeoutMs = 30_000;
const hint =
  "Start Ray (`ray start --head`), and name its dashboard by RAY_API_SERVER_ADDRESS, `--launch-address` or `launch.ray.address`.";
const defaultAddress = "http://127.0.0.1:8265";

/** The dashboard's address: the one given, else RAY_API_SERVER_ADDRESS, else this machine's. Errors: launch/job where it is no URL. */
export function rayAddress(given: string | undefined): URL {
  const text = given ?? environment().RAY_API_SERVER_ADDRESS ?? defaultAddress;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw launchErrors.fail("job", { place: "Ray's address", expected: "http://HOST:8265", received: JSON.stringify(text), hint });
}

interface RayReply {
  readonly status: number;
  readonly body: string;
}

/** The reply whatever its status. Errors: launch/engine where nobody replies, or with a server's own failure (502 to 504). */
export function rayRequest(
  address: URL,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: object,
  waitMs = timeoutMs,
): Promise<RayReply> {
  const token = environment().RAY_AUTH_TOKEN;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    accept: "application/json",
    ...(text === undefined ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) }),
    ...(token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` }),
  };
  const fail = (message: string, cause?: unknown) =>
    launchErrors.fail("engine", { place: `Ray at ${address.origin}`, message, hint }, cause);
  return new Promise((resolve, reject) => {
    const send = address.protocol === "https:" ? httpsRequest : httpRequest;
    const sent = send(new URL(path, address), { method, headers, timeout: waitMs }, response => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.once("error", error => reject(fail(error.message, error)));
      response.once("end", () => {
        const { statusCode: status = 0 } = response;
        const reply = Buffer.concat(pieces).toString("utf8");
        if (status >= 502 && status <= 504) reject(fail(`${status}: ${reply.slice(0, 200)}`));
        else resolve({ status, body: reply });
      });
    });
    sent.once("timeout", () => sent.destroy(new Error(`no response in ${waitMs / 1000} s`)));
    sent.once("error", (error: NodeJS.ErrnoException) => reject(fail(error.message || error.code || "no connection", error)));
    sent.end(text);
  });
}
