/**
 * A call as a request to the application: the address of the protocol's HTTP form, the call's metadata as headers, its peer and its end. So whatever decides on
 * requests over HTTP (hosts, keys, policies, limits, models that sleep) decides on calls, and they stand in the same logs and metrics.
 */
import { Metadata, status } from "@grpc/grpc-js";
import { isRow, type Row } from "../../protocols/index.ts";
import type { App } from "../http/app.ts";
import { CallRefusal, codeOfStatus } from "./call-refusal.ts";

/** What is asked about a call. */
interface CallOrigin {
  readonly metadata: Metadata;
  getHost(): string;
  getPeer(): string;
}

export interface InnerRequest {
  readonly method?: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Of refusals as HTTP has them. */
  readonly codes?: Readonly<Record<number, status>>;
}

/** Headers of the transport, and those that the inner request has of its own. */
const notPassed =
  /^(:.*|host|connection|content-.*|transfer-encoding|accept|accept-encoding|te|upgrade|expect|keep-alive|inference-header-.*|grpc-.*|.*-bin)$/;

/** Headers of answers that are worth telling. */
const told = ["x-request-id", "x-loam-model", "x-loam-ignored", "retry-after", "www-authenticate"];

/** `127.0.0.1:5000` or `[::1]:5000` without the port. */
const addressOf = (peer: string): string => peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");

function headersOf(metadata: Metadata, host: string): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(metadata.getMap())) if (!notPassed.test(name)) headers.append(name, String(value));
  headers.set("host", host === "" ? "localhost" : host);
  return headers;
}

export const trailersOf = ({ headers }: Response): Metadata => {
  const metadata = new Metadata();
  for (const name of told) {
    const value = headers.get(name);
    if (value !== null) metadata.set(name, value);
  }
  return metadata;
};

async function sentence(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    const error = isRow(body) ? body.error : undefined;
    // the gateway's own refusals have OpenAI's form
    if (typeof error === "string") return error;
    if (isRow(error) && typeof error.message === "string") return error.message;
  } catch {
    // it is told as it is
  }
  return text.slice(0, 1000) || `status ${response.status}`;
}

/** One call's way to the application. */
export class InnerRequests {
  readonly #app: Pick<App, "fetch">;
  readonly #origin: CallOrigin;
  readonly #signal: AbortSignal;

  constructor(app: Pick<App, "fetch">, origin: CallOrigin, signal: AbortSignal) {
    this.#app = app;
    this.#origin = origin;
    this.#signal = signal;
  }

  /** The answer, whatever its status. Errors: CallRefusal where the call's metadata are none of a request. */
  async ask({ method = "GET", path, headers: own = {}, body }: InnerRequest): Promise<Response> {
    let request: Request;
    try {
      const headers = headersOf(this.#origin.metadata, this.#origin.getHost());
      for (const [name, value] of Object.entries(own)) headers.set(name, value);
      if (body) headers.set("content-length", String(body.length));
      request = new Request(new URL(path, "http://localhost"), { method, headers, signal: this.#signal, ...(body ? { body } : {}) });
    } catch (error) {
      throw new CallRefusal(status.INVALID_ARGUMENT, "metadata: expected texts that headers can hold, got others.", error);
    }
    return this.#app.fetch(request, { incoming: { socket: { remoteAddress: addressOf(this.#origin.getPeer()) } } });
  }

  /** An answer that is none of refusal. Errors: CallRefusal. */
  async answer(request: InnerRequest): Promise<Response> {
    const response = await this.ask(request);
    if (response.ok) return response;
    const code = request.codes?.[response.status] ?? codeOfStatus(response.status);
    throw new CallRefusal(code, await sentence(response), undefined, trailersOf(response));
  }

  /** An answer of JSON. Errors: CallRefusal. */
  async json(request: InnerRequest): Promise<unknown> {
    return (await this.answer(request)).json();
  }

  /** As `json`, with a body of JSON. */
  post(path: string, body: Row, codes?: InnerRequest["codes"]): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    return this.json({
      method: "POST",
      path,
      headers,
      body: new Uint8Array(Buffer.from(JSON.stringify(body))),
      ...(codes ? { codes } : {}),
    });
  }
}

/** The address of a model, in a version where one is named. Errors: CallRefusal. */
export function modelPath(name: unknown, version: unknown): string {
  if (typeof name !== "string" || name === "")
    throw new CallRefusal(status.INVALID_ARGUMENT, "name: expected the name of a model, got none.");
  const numbered = typeof version === "string" && version !== "" ? `/versions/${encodeURIComponent(version)}` : "";
  return `/v2/models/${encodeURIComponent(name)}${numbered}`;
}
