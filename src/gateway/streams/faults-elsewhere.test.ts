/** The laws of faults over what is not OpenAI's chat: responses of upstreams that have them, Anthropic's messages from both kinds of upstream. */
import type { ServerResponse } from "node:http";
import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import OpenAI, { APIError } from "openai";
import { describe, expect, test } from "vitest";
import { eventText, fakeUpstream, lastChunk, roleChunk, type TestGateway, testGateway, usageChunk, wordChunk, words } from "../fakes.ts";
import { faultLaws, type Got, type Speech } from "./faults.laws.ts";

const named = (value: { readonly type: string } & Record<string, unknown>): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const openai = ({ url, key }: TestGateway) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

/** Reads until the end or an error. */
async function gathered(read: (say: (text: string) => void) => Promise<boolean>): Promise<Got> {
  let text = "";
  try {
    const isWhole = await read(more => {
      text += more;
    });
    return { text, isWhole, error: undefined };
  } catch (error) {
    return { text, isWhole: false, error };
  }
}

const openaiError = eventText({ error: { message: "gpu lost", type: "server_error", param: null, code: null } });

const response = (state: string, output: readonly object[], more: object = {}) => ({
  id: "resp_1",
  object: "response",
  created_at: 1_700_000_000,
  status: state,
  error: null,
  incomplete_details: null,
  model: "inner",
  output,
  ...more,
});
const part = (text: string) => ({ type: "output_text", text, annotations: [] });
const item = (state: string, content: readonly object[]) => ({ id: "msg_1", type: "message", role: "assistant", status: state, content });
const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
const done = item("completed", [part(words.join(""))]);

const responses: Speech = {
  name: "responses of an upstream that has them",
  upstream: url => ({ url, responses: "own" }),
  opening: [
    named({ type: "response.created", sequence_number: 0, response: response("in_progress", []) }),
    named({ type: "response.in_progress", sequence_number: 1, response: response("in_progress", []) }),
    named({ type: "response.output_item.added", sequence_number: 2, output_index: 0, item: item("in_progress", []) }),
    named({ type: "response.content_part.added", sequence_number: 3, ...at, part: part("") }),
  ],
  word: delta => named({ type: "response.output_text.delta", sequence_number: 4, ...at, delta, logprobs: [] }),
  ending: [
    named({ type: "response.output_text.done", sequence_number: 5, ...at, text: words.join(""), logprobs: [] }),
    named({ type: "response.content_part.done", sequence_number: 6, ...at, part: part(words.join("")) }),
    named({ type: "response.output_item.done", sequence_number: 7, output_index: 0, item: done }),
    named({
      type: "response.completed",
      sequence_number: 8,
      response: response("completed", [done], { usage: { input_tokens: 7, output_tokens: 60, total_tokens: 67 } }),
    }),
  ],
  endsBefore: false,
  error: named({ type: "error", code: "server_error", message: "gpu lost", param: null, sequence_number: 4 }),
  Thrown: APIError,
  read: (gateway, model) =>
    gathered(async say => {
      let isWhole = false;
      for await (const event of await openai(gateway).responses.create({ model, input: "Count.", stream: true })) {
        if (event.type === "response.output_text.delta") say(event.delta);
        if (event.type === "response.completed") isWhole = true;
      }
      return isWhole;
    }),
};

const readMessages: Speech["read"] = ({ url, key }, model) =>
  gathered(async say => {
    const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
    let isWhole = false;
    const messages = [{ role: "user" as const, content: "Count." }];
    for await (const event of await client.messages.create({ model, max_tokens: 100, messages, stream: true })) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") say(event.delta.text);
      if (event.type === "message_stop") isWhole = true;
    }
    return isWhole;
  });

const messagesOverChat: Speech = {
  name: "messages from an upstream of OpenAI's",
  upstream: url => ({ url }),
  opening: [eventText(roleChunk)],
  word: word => eventText(wordChunk(word)),
  ending: [eventText(lastChunk), eventText(usageChunk(7, 60)), eventText("[DONE]")],
  endsBefore: true,
  error: openaiError,
  Thrown: AnthropicError,
  read: readMessages,
};

const messages: Speech = {
  name: "messages from an upstream of Anthropic's",
  upstream: url => ({ url: url.replace(/\/v1$/, ""), protocol: "anthropic" }),
  opening: [
    named({
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "inner",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 7, output_tokens: 1 },
      },
    }),
    named({ type: "ping" }),
    named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
  ],
  word: text => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  ending: [
    named({ type: "content_block_stop", index: 0 }),
    named({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 60 } }),
    named({ type: "message_stop" }),
  ],
  endsBefore: true,
  error: named({ type: "error", error: { type: "overloaded_error", message: "gpu lost" } }),
  Thrown: AnthropicError,
  read: readMessages,
};

const failed = (code: string) =>
  named({ type: "response.failed", sequence_number: 4, response: response("failed", [], { error: { code, message: "no" } }) });

for (const speech of [responses, messagesOverChat, messages]) describe(speech.name, () => faultLaws(speech));

/** A server of responses that says this where its first word would be, or behind some. */
const fails = async (words: readonly string[], event: string) => {
  const said = [...responses.opening, ...words.map(responses.word), event].join("");
  const upstream = await fakeUpstream((_, reply) => {
    reply.writeHead(200, { "content-type": "text/event-stream" });
    reply.end(said);
  });
  return { said, upstream };
};

for (const code of ["server_error", "rate_limit_exceeded"])
  test(`a response that failed by its server (${code}) is asked of another before its first word, and an error after it`, async () => {
    const { upstream } = await fails([], failed(code));
    const { upstream: later } = await fails(words.slice(0, 9), failed(code));
    const other = await fakeUpstream((_, reply) => {
      reply.writeHead(200, { "content-type": "text/event-stream" });
      reply.end([...responses.opening, ...words.map(responses.word), ...responses.ending].join(""));
    });
    const gateway = await testGateway({
      upstreams: { first: { url: upstream.url }, later: { url: later.url }, other: { url: other.url } },
      models: {
        m: { targets: [{ upstream: "first" }, { upstream: "other", priority: 1 }] },
        n: { targets: [{ upstream: "later" }, { upstream: "other", priority: 1 }] },
      },
      retries: { backoff: "1ms" },
    });
    expect(await responses.read(gateway, "m")).toEqual({ text: words.join(""), isWhole: true, error: undefined });
    const { text, isWhole, error } = await responses.read(gateway, "n");
    expect([text, isWhole]).toEqual([words.slice(0, 9).join(""), false]);
    expect(error).toBeInstanceOf(APIError);
    expect(gateway.gateway.state().upstreams.map(u => u.failures)).toEqual([1, 1, 0]);
    await gateway.close();
    await Promise.all([upstream, later, other].map(u => u.close()));
  });

for (const [what, event] of [
  ["failed for what was asked", failed("invalid_prompt")],
  ["incomplete", named({ type: "response.incomplete", sequence_number: 4, response: response("incomplete", []) })],
] as const)
  test(`a response that is ${what} is the server's answer: it is passed on as it was said and no other is asked`, async () => {
    const { said, upstream } = await fails([], event);
    const gateway = await testGateway({ upstreams: { own: { url: upstream.url } }, models: { m: { targets: [{ upstream: "own" }] } } });
    const got = await (await gateway.post("/v1/responses", { model: "m", input: "Count.", stream: true })).text();
    // ids of the shared account are bound to their owner; all else is as it was said
    const isSealed = /"(resp|msg)_[\w-]{20,}"/g;
    expect(got.match(isSealed)?.length).toBe(said.match(/"(resp|msg)_1"/g)!.length);
    expect(got.replaceAll(isSealed, '"$1_1"')).toBe(said);
    expect(upstream.received.length).toBe(1);
    expect(gateway.gateway.state().upstreams[0]).toMatchObject({ failures: 0, answers: 1 });
    await gateway.close();
    await upstream.close();
  });

test("a whole response that failed by its server is asked of another; one that failed for what was asked is passed on", async () => {
  let said: object = {};
  const whole = (reply: ServerResponse, value: object) => {
    reply.writeHead(200, { "content-type": "application/json" });
    reply.end(JSON.stringify(value));
  };
  const upstream = await fakeUpstream((_, reply) => whole(reply, said));
  const other = await fakeUpstream((_, reply) => whole(reply, response("completed", [done])));
  const gateway = await testGateway({
    upstreams: { first: { url: upstream.url }, other: { url: other.url } },
    models: { m: { targets: [{ upstream: "first" }, { upstream: "other", priority: 1 }] } },
    retries: { backoff: "1ms" },
  });
  for (const [code, status, failures] of [
    ["server_error", "completed", 1],
    ["rate_limit_exceeded", "completed", 2],
    ["invalid_prompt", "failed", 2],
  ] as const) {
    said = response("failed", [], { error: { code, message: "no" } });
    const answer = await gateway.post("/v1/responses", { model: "m", input: "Count." });
    expect([answer.status, ((await answer.json()) as { status: string }).status], code).toEqual([200, status]);
    expect(gateway.gateway.state().upstreams[0]!.failures).toBe(failures);
  }
  await gateway.close();
  await Promise.all([upstream, other].map(u => u.close()));
});
