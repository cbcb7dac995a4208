/** A server for this module's tests that answers what a test tells it to, request by request, over plain HTTP on loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { KubernetesAccount } from "./account.ts";

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
export type FakeAnswer = (request: FakeRequest, response: ServerResponse) => void | Promise<void>;

export interface FakeApiServer extends AsyncDisposable {
  readonly account: KubernetesAccount;
  readonly requests: readonly FakeRequest[];
  /** Resolves when so many requests have come. */
  came(count: number): Promise<void>;
}

export const answerJson = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
};
export const answerStatus = (
  response: ServerResponse,
  code: number,
  reason: string,
  extra: object = {},
  headers: Record<string, string> = {},
): void =>
  answerJson(
    response,
    code,
    { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: `the server says ${reason}`, ...extra },
    headers,
  );

export async function openFakeApiServer(answer: FakeAnswer): Promise<FakeApiServer> {
  const requests: FakeRequest[] = [];
  let waiting: (() => void)[] = [];
  const server = createServer(async (incoming, response) => {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of incoming) pieces.push(piece);
    } catch {
      return;
    }
    const url = new URL(incoming.url!, "http://fake");
    const { method = "", headers } = incoming;
    const request = { method, path: url.pathname, query: url.searchParams, headers, body: Buffer.concat(pieces).toString("utf8") };
    requests.push(request);
    for (const wake of waiting.splice(0)) wake();
    await answer(request, response);
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    account: { server: `http://127.0.0.1:${port}`, namespace: "default", place: "fake", tls: {}, authorization: () => "Bearer one" },
    requests,
    async came(count) {
      while (requests.length < count) await new Promise<void>(wake => waiting.push(wake));
      waiting = [];
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };
}
