/** Nonsense for every address of every contract: refused in its own form, never a failure of the server; and streams that break in the middle. */
import { connect } from "node:net";
import fc from "fast-check";
import { Ollama } from "ollama";
import OpenAI, { APIError } from "openai";
import { afterAll, expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import { limits } from "../limits.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { contracts } from "./contracts.ts";
import { tinyEncoder } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({
  model: await tinyModel(device, { name: "tiny", version: 1, chatTemplate: chatTemplate() }),
  device,
  slots: 4,
});
/** Its device fails at the fifth token of an answer; the queue of its events is not empty then. */
const breaking = createEngine({
  model: await tinyModel(device, { id: "breaking", aliases: [] }),
  device,
  open: async () =>
    scriptedProgram({
      slots: 1,
      room: 256,
      logits: (_, position) => {
        if (position > 60) throw new Error("the device is gone, password=hunter2");
        return Float32Array.from({ length: 257 }, (_, i) => (i === 65 ? 50 : 0));
      },
    }),
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { aliases: ["vectors"] }), device });
await Promise.all([engine.ready, breaking.ready, encoder.ready]);
const failures: unknown[] = [];
const app = createApp({ engines: [engine, breaking], encoders: [encoder], admin: true, onFailure: e => failures.push(e) });
const server = await listen(app, { port: 0 });
afterAll(() => server.close());

/** Addresses with names filled in. */
const posts = contracts
  .flatMap(k => k.routes.filter(r => r.method === "POST").map(r => ({ contract: k, path: r.path, endpoint: r.endpoint ?? k.endpoint })))
  .map(({ contract, path, endpoint }) => ({
    contract,
    endpoint,
    path: path
      .replace(/:target\{.+$/, "tiny:predict")
      .replace(":model", "tiny")
      .replace(":version", "1")
      .replace(":id", "batch-0"),
  }));
// files come as forms, what is refused whatever is asked reads none, what is cancelled, paused or resumed has no body, and where models are changed, who asks and whether any can is looked at first
const takingJson = posts.filter(
  ({ endpoint, path }) =>
    endpoint !== "admin" &&
    !/^\/api\/(create|copy|push|blobs)\b/.test(path) &&
    path !== "/v1/files" &&
    !path.startsWith("/models") &&
    !/\/(cancel|pause|resume)$/.test(path),
);
const isOpenAiError = (body: unknown): boolean => {
  const { error } = body as { error?: Record<string, unknown> };
  return typeof error === "object" && ["message", "type", "param", "code"].every(k => k in error) && typeof error.message === "string";
};
const isSentence = (body: unknown): boolean => typeof (body as { error?: unknown }).error === "string";
const isAnthropicError = (body: unknown): boolean => {
  const { type, error } = body as { type?: unknown; error?: { type?: unknown; message?: unknown } };
  return type === "error" && typeof error?.type === "string" && typeof error.message === "string";
};
const formOf = (name: string) => {
  if (name === "anthropic") return isAnthropicError;
  return ["tensorflow", "ollama"].includes(name) || name.startsWith("open inference") ? isSentence : isOpenAiError;
};

/** Keys that mean something somewhere, with values of all kinds. */
const keys = [
  "model",
  "messages",
  "prompt",
  "input",
  "inputs",
  "instances",
  "examples",
  "tools",
  "tool_choice",
  "options",
  "parameters",
  "stream",
];
const more = [
  "stop",
  "temperature",
  "n",
  "format",
  "text",
  "text_input",
  "max_tokens",
  "encoding_format",
  "documents",
  "query",
  "tokens",
  "role",
];
const leaf = fc.oneof(
  fc.constantFrom("tiny", "vectors", "user", "", "auto", "json", null, true, -1, 0, 1, 1e21, 2.5, "\u0000", "\ud800"),
  fc.string({ maxLength: 8 }),
);
const { value } = fc.letrec(tie => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie("value"), { maxLength: 3 }), tie("object")),
  object: fc.dictionary(fc.constantFrom(...keys, ...more), tie("value"), { maxKeys: 4 }),
}));
const body = fc.tuple(
  fc.constantFrom("tiny", "vectors", "nobody"),
  fc.dictionary(fc.constantFrom(...keys, ...more), value, { maxKeys: 5 }),
);

test("nonsense is refused by every contract in its own form, and what is by chance sense is answered", async () => {
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...posts), body, async ({ contract, path }, [model, rest]) => {
      // short answers: what matters is what is refused
      const sent = JSON.stringify({ model, max_tokens: 1, max_output_tokens: 1, ...rest });
      const stop = new AbortController();
      const response = await app.fetch(
        new Request(`http://localhost${path}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: sent,
          signal: stop.signal,
        }),
      );
      const { status } = response;
      seen.set(status, (seen.get(status) ?? 0) + 1);
      if (status === 200) {
        await response.body?.cancel();
        stop.abort();
        return;
      }
      const text = await response.text();
      expect([400, 403, 404, 413, 415, 422, 429], `${path} ${sent} ${text}`).toContain(status);
      expect(formOf(contract.name)(JSON.parse(text)), `${path} ${text}`).toBe(true);
    }),
    { numRuns: 1500 },
  );
  expect(failures).toEqual([]);
  expect((seen.get(400) ?? 0) + (seen.get(422) ?? 0)).toBeGreaterThan(rounds(300));
  await expect.poll(() => engine.stats().running + engine.stats().queued).toBe(0);
});

test("bodies that are too large, too deep or no JSON are refused by every contract in its own form", async () => {
  const send = async (path: string, text: string, type = "application/json") => {
    const r = await app.fetch(new Request(`http://localhost${path}`, { method: "POST", headers: { "content-type": type }, body: text }));
    return [r.status, JSON.parse(await r.text()) as unknown] as const;
  };
  const large = `{"model": "${"x".repeat(limits.bodyBytes)}"}`;
  expect(takingJson.length).toBeGreaterThan(20);
  for (const { contract, path } of takingJson) {
    for (const [text, statuses] of [
      [large, [413]],
      ['{"model": ', [400, 422]],
      [`{"x":${"[".repeat(200)}${"]".repeat(200)}}`, [400, 422]],
      ["[]", [400, 422]],
    ] as const) {
      const [status, answer] = await send(path, text);
      expect(statuses as readonly number[], `${path} ${text.slice(0, 20)} ${JSON.stringify(answer)}`).toContain(status);
      expect(formOf(contract.name)(answer), path).toBe(true);
    }
    if (!contract.takesUndeclared) expect((await send(path, "{}", "text/plain"))[0], path).toBe(415);
  }
  expect(failures).toEqual([]);
});
/** A request as bytes on a socket of its own, and what came back until it closed. */
const sendRaw = (path: string, body: Buffer, declared = body.length) =>
  new Promise<string>(resolve => {
    let got = "";
    const socket = connect(server.port, server.host);
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${declared}\r\n\r\n`,
    );
    socket.write(body);
    if (declared > body.length) setTimeout(() => socket.destroy(), 50);
    socket.on("data", data => {
      got += data.toString("latin1");
    });
    socket.on("error", () => resolve(got));
    socket.on("close", () => resolve(got));
  });
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

test("bytes that are no UTF-8 are refused by every contract, and a body that ends too soon hurts nobody", async () => {
  const broken = Buffer.concat([Buffer.from('{"model":"tiny","prompt":"'), Buffer.of(0xff, 0xc3, 0x28), Buffer.from('","messages":[]}')]);
  for (const { contract, path } of takingJson) {
    const answer = await sendRaw(path, broken);
    expect([400, 422], `${path} ${answer.slice(0, 300)}`).toContain(statusOf(answer));
    const said = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    expect(formOf(contract.name)(JSON.parse(said.slice(said.indexOf("{"), said.lastIndexOf("}") + 1))), path).toBe(true);
    await sendRaw(path, broken.subarray(0, 20), 4000);
  }
  expect(failures).toEqual([]);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
});

test("bodies of 100 MB are refused while they come: memory stays", async () => {
  const piece = Buffer.alloc(1 << 20, 0x20);
  const before = process.memoryUsage();
  let peak = 0;
  const watch = setInterval(() => {
    const { rss, arrayBuffers } = process.memoryUsage();
    peak = Math.max(peak, Math.min(rss - before.rss, arrayBuffers - before.arrayBuffers));
  }, 5);
  for (const { path } of takingJson.slice(0, 12)) {
    const answer = await new Promise<string>(resolve => {
      let [got, sent] = ["", 0];
      const socket = connect(server.port, server.host);
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      const more = (): void => {
        while (sent++ < 100) {
          socket.write(`${piece.length.toString(16)}\r\n`);
          socket.write(piece);
          if (!socket.write("\r\n")) return void socket.once("drain", more);
        }
        socket.end("0\r\n\r\n");
      };
      more();
      socket.on("data", data => {
        got += data.toString("latin1");
      });
      socket.on("error", () => resolve(got));
      socket.on("close", () => resolve(got));
    });
    // a client that goes on sending may find its socket closed before it reads why
    if (answer !== "") expect(statusOf(answer), `${path} ${answer.slice(0, 200)}`).toBe(413);
  }
  clearInterval(watch);
  expect(peak).toBeLessThan(64 * 2 ** 20);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(failures).toEqual([]);
});

test("a schema that refers to itself without an end is a 400 by name, one that can end is followed, both at once", async () => {
  const ask = async (schema: unknown) => {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tiny",
        max_tokens: 12,
        messages: [{ role: "user", content: "x" }],
        response_format: { type: "json_schema", json_schema: { name: "s", schema } },
      }),
    });
    return { status: response.status, body: (await response.json()) as { error?: { param: string; message: string } } };
  };
  const endless = [
    { $ref: "#" },
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
    { anyOf: [{ $ref: "#" }, { $ref: "#" }] },
    { type: "object", properties: { a: { $ref: "#/$defs/gone" } }, required: ["a"], additionalProperties: false },
  ];
  for (const schema of endless) {
    const { status, body } = await ask(schema);
    expect([status, body.error?.param], JSON.stringify([schema, body])).toEqual([400, expect.stringMatching(/^response_format/)]);
  }
  const tree = {
    type: "object",
    properties: { left: { anyOf: [{ $ref: "#" }, { type: "null" }] } },
    required: ["left"],
    additionalProperties: false,
  };
  expect(await ask(tree)).toMatchObject({ status: 200 });
  expect(failures).toEqual([]);
});

test("more tokens asked for than there are positions: every answer is whole or refused as too many, and nothing stays behind", async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 160 }, async (_, i) => {
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "tiny", prompt: `${i} `.repeat(25), max_tokens: 60, n: 2, seed: i, logit_bias: { 256: -100 } }),
      });
      const body = (await response.json()) as { choices?: { finish_reason: string }[]; error?: { code: string } };
      if (response.status === 200) return body.choices!.every(c => c.finish_reason === "length") ? "whole" : "cut";
      return `${response.status} ${body.error!.code} ${Number(response.headers.get("retry-after")) > 0}`;
    }),
  );
  expect([...new Set(outcomes)].filter(o => o !== "whole" && !/^429 \w+ true$/.test(o))).toEqual([]);
  expect(outcomes.filter(o => o === "whole").length).toBeGreaterThan(8);
  await expect.poll(() => engine.stats().running + engine.stats().queued).toBe(0);
  expect(failures).toEqual([]);
});

test("a stream whose device fails in the middle ends with an error in the contract's form, without its cause", async () => {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const prompt = "a prompt that is long enough to be cut into chunks of 16";
  const read = async (stream: AsyncIterable<unknown>) => {
    const parts: unknown[] = [];
    for await (const part of stream) parts.push(part);
    return parts;
  };
  const failed = async (run: Promise<unknown>) =>
    run.then(
      () => expect.unreachable(),
      e => e as Error,
    );
  const ask = { model: "breaking", max_tokens: 40, stream: true as const };
  expect(await failed(client.completions.create({ ...ask, prompt }).then(read))).toBeInstanceOf(APIError);
  expect(await failed(client.chat.completions.create({ ...ask, messages: [{ role: "user", content: prompt }] }).then(read))).toBeInstanceOf(
    APIError,
  );
  // the Responses API has an event for it, which the client passes on
  const said = await read(await client.responses.create({ model: "breaking", input: prompt, stream: true }));
  expect(said.at(-1)).toMatchObject({ type: "error", code: "internal_error", param: null, message: expect.stringMatching(/step failed/) });
  const ollama = new Ollama({ host: server.url });
  const told = await failed(
    ollama.generate({ model: "breaking", prompt, stream: true, raw: true, options: { num_predict: 40 } }).then(read),
  );
  expect(told.message).toMatch(/step failed/);
  const sse = await fetch(`${server.url}/v2/models/breaking/generate_stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text_input: prompt, parameters: { max_tokens: 40 } }),
  });
  const events = (await sse.text()).trim().split("\n\n");
  expect(JSON.parse(events.at(-1)!.replace(/^data: /, ""))).toEqual({ error: expect.stringMatching(/step failed/) });
  expect(JSON.stringify(events)).not.toContain("hunter2");
  await expect.poll(() => app.inFlight).toBe(0);
});
