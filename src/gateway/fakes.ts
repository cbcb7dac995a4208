/**
 * For tests: an upstream that answers as its script says, faults included, on a real socket; and a gateway on one too, with keys in memory.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { defined } from "../base/index.ts";
import { checkConfig } from "./config/read-config.ts";
import { openControl } from "./control.ts";
import type { ControlGiven } from "./control-config.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { listenGateway } from "./http/listen.ts";
import type { RequestRecord } from "./http/request-record.ts";

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export type Script = (received: Received, response: ServerResponse) => void | Promise<void>;

export interface FakeUpstream {
  readonly url: string;
  readonly received: Received[];
  /** Requests whose connection ended before their answer. */
  aborted: number;
  /** What the next requests are answered by. */
  script: Script;
  close(): Promise<void>;
}

export async function fakeUpstream(script: Script, port = 0): Promise<FakeUpstream> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const received: Received = {
      path: request.url ?? "",
      headers: request.headers,
      text,
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
    fake.received.push(received);
    response.on("close", () => {
      if (!response.writableFinished) fake.aborted++;
    });
    await fake.script(received, response);
  });
  await new Promise<void>(resolve => server.listen(port, "127.0.0.1", resolve));
  const fake: FakeUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received: [],
    aborted: 0,
    script,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;
}

/** The words of every scripted answer: one chunk each. */
export const words = Array.from({ length: 60 }, (_, i) => `w${i} `);

const chunk = (delta: object, more: object = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1_700_000_000,
  model: "inner",
  choices: [{ index: 0, delta, logprobs: null, finish_reason: null }],
  ...more,
});
export const eventText = (value: unknown): string => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
export const roleChunk = chunk({ role: "assistant", content: "" });
export const wordChunk = (word: string) => chunk({ content: word });
export const lastChunk = { ...chunk({}), choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }] };
export const usageChunk = (prompt: number, completion: number) =>
  chunk({}, { choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion } });

export const begin = (response: ServerResponse): void => {
  response.writeHead(200, { "content-type": "text/event-stream" });
};

/** Everything that a good stream says, with usage where it is asked for. */
export const goodEvents = (body: Record<string, unknown>, said: readonly string[] = words): string[] => {
  const options = body.stream_options as { include_usage?: boolean } | undefined;
  return [roleChunk, ...said.map(wordChunk), lastChunk, ...(options?.include_usage ? [usageChunk(7, said.length)] : []), "[DONE]"].map(
    eventText,
  );
};

/** A whole answer, streamed or not, as it was asked for. */
export const good: Script = ({ body }, response) => {
  if (body.stream === true) {
    begin(response);
    for (const event of goodEvents(body)) response.write(event);
    response.end();
    return;
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    JSON.stringify({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1_700_000_000,
      model: body.model,
      choices: [{ index: 0, message: { role: "assistant", content: words.join("") }, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 7, completion_tokens: 60, total_tokens: 67 },
    }),
  );
};

export const status =
  (code: number, headers: Record<string, string> = {}, message = "no"): Script =>
  (_, response) => {
    response.writeHead(code, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ error: { message, type: "server_error", param: null, code: null } }));
  };

export interface TestGateway {
  readonly url: string;
  /** An API key that may do everything. */
  readonly key: string;
  readonly gateway: Gateway;
  readonly records: RequestRecord[];
  readonly failures: unknown[];
  post(path: string, body: unknown, more?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** Allows everything to one user. */
export const openAccess: ControlGiven = {
  principals: { users: { ann: { roles: ["admin"] } } },
  policies: [{ id: "all", effect: "allow" }],
};

/** A gateway on a socket over this configuration (as people write it, without `access`). */
export async function testGateway(
  config: Record<string, unknown>,
  { access = openAccess, now, ...more }: { readonly access?: ControlGiven; readonly now?: () => number } & Partial<GatewayOptions> = {},
): Promise<TestGateway> {
  const checked = await checkConfig({ ...config, state: "memory:", log: { to: "none" }, access }, "gateway.yaml", ".");
  const control = await openControl({ state: "memory:", root: ".", config: access, ...defined({ now }) });
  const records: RequestRecord[] = [];
  const failures: unknown[] = [];
  const gateway = await Gateway.open({
    config: checked,
    control,
    onRequest: r => records.push(r),
    onFailure: e => failures.push(e),
    ...more,
  });
  const listening = await listenGateway(gateway, { host: "127.0.0.1", port: 0 });
  const { secret } = await control.keys.create({ name: "test", subject: "ann" }, "test");
  return {
    url: listening.url,
    key: secret,
    gateway,
    get records() {
      gateway.tell();
      return records;
    },
    failures,
    post: (path, body, init = {}) =>
      fetch(`${listening.url}${path}`, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
        headers: { "content-type": "application/json", authorization: `Bearer ${secret}`, ...(init.headers as Record<string, string>) },
      }),
    close: async () => {
      await listening.drain({ graceMs: 0 });
    },
  };
}
