/** A Lambda Runtime API for tests: hands out invocations one after another and keeps what the function sent back, as it was framed. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface LambdaAnswer {
  readonly kind: "response" | "error";
  readonly headers: IncomingMessage["headers"];
  /** HTTP chunks in the order in which they came; a response that is not chunked is one. */
  readonly pieces: readonly Buffer[];
  readonly body: Buffer;
  readonly trailers: NodeJS.Dict<string>;
}

interface Handed {
  readonly id: string;
  readonly event: string;
  readonly deadlineMs: number;
  readonly trace: string | undefined;
  readonly resolve: (answer: LambdaAnswer) => void;
  readonly onPiece: (piece: Buffer) => void;
}

export interface InvokeOptions {
  /** Until Lambda would stop the function; a minute when absent. */
  readonly timeoutMs?: number;
  readonly trace?: string;
  /** Told of each piece when it comes. */
  readonly onPiece?: (piece: Buffer) => void;
}

export async function openRuntimeApi() {
  const waiting: Handed[] = [];
  const handed = new Map<string, Handed>();
  const takers: ((h: Handed) => void)[] = [];
  let asked = 0;
  let tellAsked = () => {};
  let tellInit: (error: { readonly type: string; readonly body: unknown }) => void = () => {};
  const initError = new Promise<{ readonly type: string; readonly body: unknown }>(resolve => {
    tellInit = resolve;
  });
  const read = async (request: IncomingMessage, onPiece: (p: Buffer) => void = () => {}) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) {
      pieces.push(piece as Buffer);
      onPiece(piece as Buffer);
    }
    return pieces;
  };
  const hand = (response: ServerResponse, h: Handed) => {
    handed.set(h.id, h);
    response.writeHead(200, {
      "content-type": "application/json",
      "Lambda-Runtime-Aws-Request-Id": h.id,
      "Lambda-Runtime-Deadline-Ms": String(h.deadlineMs),
      "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:mail",
      ...(h.trace === undefined ? {} : { "Lambda-Runtime-Trace-Id": h.trace }),
    });
    response.end(h.event);
  };
  const accepted = (response: ServerResponse) => response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url?.replace("/2018-06-01/runtime/", "") ?? "";
      if (path === "invocation/next") {
        asked++;
        tellAsked();
        const next = waiting.shift();
        if (next) hand(response, next);
        else takers.push(h => hand(response, h));
        return;
      }
      if (path === "init/error") {
        const body = Buffer.concat(await read(request)).toString("utf8");
        tellInit({ type: String(request.headers["lambda-runtime-function-error-type"]), body: JSON.parse(body) });
        return void accepted(response);
      }
      const [, id = "", kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
      const h = handed.get(id);
      if (!h) {
        await read(request);
        return void response.writeHead(403).end('{"errorType":"InvalidRequestID"}');
      }
      const pieces = await read(request, h.onPiece).catch(() => undefined);
      if (!pieces) return;
      handed.delete(id);
      accepted(response);
      h.resolve({
        kind: kind as LambdaAnswer["kind"],
        headers: request.headers,
        pieces,
        body: Buffer.concat(pieces),
        trailers: request.trailers,
      });
    })();
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  let count = 0;
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The error that the function's start told. */
    initError,
    /** Invocations that the function has asked for. */
    get asked() {
      return asked;
    },
    /** Resolves when the function asks for its first invocation. */
    ready: new Promise<void>(resolve => {
      tellAsked = resolve;
    }),
    invoke(event: unknown, { timeoutMs = 60_000, trace, onPiece = () => {} }: InvokeOptions = {}): Promise<LambdaAnswer> {
      return new Promise(resolve => {
        const id = `00000000-0000-4000-8000-${String(++count).padStart(12, "0")}`;
        const h = {
          id,
          event: typeof event === "string" ? event : JSON.stringify(event),
          deadlineMs: Date.now() + timeoutMs,
          trace,
          resolve,
          onPiece,
        };
        const taker = takers.shift();
        if (taker) taker(h);
        else waiting.push(h);
      });
    },
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** An event of a function URL. */
export const urlEvent = (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: path.split("?")[0],
  rawQueryString: path.split("?")[1] ?? "",
  headers: {
    host: "abc123.lambda-url.eu-central-1.on.aws",
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headers,
  },
  requestContext: {
    domainName: "abc123.lambda-url.eu-central-1.on.aws",
    http: { method, path: path.split("?")[0], protocol: "HTTP/1.1", sourceIp: "203.0.113.7", userAgent: "test" },
    stage: "$default",
  },
  ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  isBase64Encoded: false,
});

/** Head and body of a streamed response. */
export function streamParts(body: Buffer): {
  readonly head: { statusCode: number; headers: Record<string, string>; cookies?: string[] };
  readonly rest: Buffer;
} {
  const at = body.indexOf(Buffer.alloc(8));
  return { head: JSON.parse(body.subarray(0, at).toString("utf8")), rest: body.subarray(at + 8) };
}
