/**
 * The Lambda Runtime API (version 2018-06-01) as a client: the next invocation, its response whole or as a stream, and errors. A streamed response is chunked
 * HTTP; an error in its middle goes into trailers. No package of AWS: theirs compiles curl.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { deployErrors } from "../errors.ts";

export interface Invocation {
  /** AWS's id of the request. */
  readonly id: string;
  /** Milliseconds since 1970 at which Lambda stops the function. */
  readonly deadlineMs: number;
  /** X-Ray's header. */
  readonly trace: string | undefined;
  /** JSON, as it came. */
  readonly event: string;
}

/** An error as Lambda shows it to whoever invoked the function. */
export interface LambdaError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly stackTrace: readonly string[];
}

const version = "2018-06-01";
const errorTypeHeader = "Lambda-Runtime-Function-Error-Type";
const errorBodyHeader = "Lambda-Runtime-Function-Error-Body";

/** `loam/code` or the error's name, its sentence, no stack: whoever invokes a function has no business with its files. */
export const lambdaError = (error: unknown): LambdaError => {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  return { errorType: `Loam.${(code ?? name ?? "Error").replaceAll("/", ".")}`, errorMessage: message ?? String(error), stackTrace: [] };
};

const text = async (answer: IncomingMessage): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
};

const answerOf = (sent: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("error", reject);
  });

/** A streamed response under way. */
export interface ResponseStream {
  /** Resolves when there is room for more. Rejects where Lambda took the connection away. */
  write(piece: Uint8Array): Promise<void>;
  /** Ends it, with an error in its trailers where it broke off. */
  end(error?: LambdaError): Promise<void>;
}

export class RuntimeApi {
  readonly #host: string;
  readonly #port: number;
  // one connection: invocations come one after another
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });

  /** `host`: of AWS_LAMBDA_RUNTIME_API, such as 127.0.0.1:9001. */
  constructor(host: string) {
    const { hostname, port } = new URL(`http://${host}`);
    this.#host = hostname;
    this.#port = port === "" ? 80 : Number(port);
  }

  #send(method: string, path: string, headers: Record<string, string> = {}, signal?: AbortSignal): ClientRequest {
    const given = signal ? { signal } : {};
    return request({
      host: this.#host,
      port: this.#port,
      agent: this.#agent,
      method,
      path: `/${version}/runtime/${path}`,
      headers,
      ...given,
    });
  }

  async #post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<void> {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const sent = this.#send("POST", path, { "content-type": "application/json", "content-length": String(bytes.length), ...headers });
    sent.end(bytes);
    await this.#taken(await answerOf(sent), path);
  }

  /** Errors: deploy/runtime where Lambda refuses. */
  async #taken(answer: IncomingMessage, path: string): Promise<void> {
    const body = await text(answer);
    if (answer.statusCode !== undefined && answer.statusCode < 300) return;
    throw deployErrors.fail("runtime", {
      place: `Lambda Runtime API: ${path}`,
      expected: "status 202",
      received: `${answer.statusCode} ${body.slice(0, 300)}`,
    });
  }

  /** Waits for the next invocation. Errors: deploy/runtime; an AbortError where `signal` stops it. */
  async next(signal?: AbortSignal): Promise<Invocation> {
    const sent = this.#send("GET", "invocation/next", {}, signal);
    sent.end();
    const answer = await answerOf(sent);
    const event = await text(answer);
    const header = (name: string): string | undefined => answer.headers[`lambda-runtime-${name}`]?.toString();
    const [id, deadline] = [header("aws-request-id"), header("deadline-ms")];
    if (answer.statusCode !== 200 || id === undefined)
      throw deployErrors.fail("runtime", {
        place: "Lambda Runtime API: invocation/next",
        expected: "status 200 with Lambda-Runtime-Aws-Request-Id",
        received: `${answer.statusCode} ${event.slice(0, 300)}`,
      });
    return { id, deadlineMs: Number(deadline), trace: header("trace-id"), event };
  }

  respond(id: string, body: string): Promise<void> {
    return this.#post(`invocation/${id}/response`, body);
  }

  fail(id: string, error: LambdaError): Promise<void> {
    return this.#post(`invocation/${id}/error`, JSON.stringify(error), { [errorTypeHeader]: error.errorType });
  }

  failInit(error: LambdaError): Promise<void> {
    return this.#post("init/error", JSON.stringify(error), { [errorTypeHeader]: error.errorType });
  }

  /** Begins a streamed response of a content type. */
  stream(id: string, contentType: string): ResponseStream {
    const path = `invocation/${id}/response`;
    const sent = this.#send("POST", path, {
      "content-type": contentType,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: `${errorTypeHeader}, ${errorBodyHeader}`,
    });
    const answer = answerOf(sent);
    // it is awaited at the end; a write may fail first
    answer.catch(() => {});
    // whoever reads has to see the first event when it is there
    sent.setNoDelay(true);
    sent.flushHeaders();
    return {
      write: piece =>
        new Promise((resolve, reject) => {
          sent.write(piece, error => (error ? reject(error) : resolve()));
        }),
      end: async error => {
        if (error)
          sent.addTrailers({
            [errorTypeHeader]: error.errorType,
            [errorBodyHeader]: Buffer.from(JSON.stringify(error)).toString("base64"),
          });
        sent.end();
        await this.#taken(await answer, path);
      },
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}
