/** Guards over every form that an answer has: calls of tools, several choices, completions, responses, Anthropic's messages, embeddings. */
// guards of private data load it when they are made: here it is loaded before any test
import "../../data/index.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  good,
  lastChunk,
  roleChunk,
  type TestGateway,
  testGateway,
  wordChunk,
} from "../fakes.ts";
import { jsonOf, readChunks, says } from "./fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
const mail = 'o"neil@corp-mail.com';
const plainMail = "ann.lee@corp-mail.com";
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
    retries: { attempts: 0 },
    guards: { default: ["pii", "words"], pii: { kind: "private" }, words: { kind: "blocklist", words: ["nightfall"] } },
  });
}, 60_000);
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const messages = [{ role: "user", content: `I am ${plainMail}.` }];
const toolChunk = (calls: object[], more: object = {}) => ({
  ...roleChunk,
  choices: [{ index: 0, delta: { tool_calls: calls }, logprobs: null, finish_reason: null, ...more }],
});
const endsWith = (reason: string) => ({ ...lastChunk, choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: reason }] });
const streams = (events: readonly object[]) => {
  upstream.script = (_, response) => {
    begin(response);
    response.end([...events.map(eventText), eventText("[DONE]")].join(""));
  };
};
type Event = { readonly type: string } & Record<string, unknown>;
const namedEvents = (wire: string): Event[] =>
  wire
    .split("\n\n")
    .filter(e => e.includes("data: "))
    .map(e => JSON.parse(e.slice(e.indexOf("data: ") + 6)) as Event);

test("values come back in the arguments of tools, whole and streamed, and arguments stay JSON", async () => {
  const call = (args: string) => ({ index: 0, id: "c", type: "function", function: { name: "send", arguments: args } });
  streams([
    wordChunk("Sending"),
    toolChunk([call("")]),
    ...['{"to":"<EM', "AIL_1>", '","cc":"\\u003cEMAIL', '_1\\u003e"', "}"].map(a => toolChunk([{ index: 0, function: { arguments: a } }])),
    endsWith("tool_calls"),
  ]);
  const wire = await (await gateway.post("/v1/chat/completions", { model: "chat", messages, stream: true })).text();
  let args = "";
  for (const event of wire.split("\n\n").filter(e => e.startsWith("data: {")))
    for (const one of JSON.parse(event.slice(6)).choices[0]?.delta.tool_calls ?? []) args += one.function?.arguments ?? "";
  expect(JSON.parse(args)).toEqual({ to: plainMail, cc: plainMail });
  upstream.script = (_, response) => {
    const message = { role: "assistant", content: null, tool_calls: [call('{"to":"<EMAIL_1>"}')] };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices: [{ index: 0, message, finish_reason: "tool_calls" }] }));
  };
  const whole = await jsonOf(await gateway.post("/v1/chat/completions", { model: "chat", messages }));
  expect(JSON.parse(whole.choices[0].message.tool_calls[0].function.arguments)).toEqual({ to: plainMail });
  expect(whole.choices[0].finish_reason).toBe("tool_calls");
});

test("what a client sends of tools is looked at too: arguments, results, descriptions, the user's name", async () => {
  upstream.script = says(["ok"]);
  const call = { id: "t", type: "function", function: { name: "send", arguments: JSON.stringify({ to: mail.replace('"', ""), n: 1 }) } };
  await gateway.post("/v1/chat/completions", {
    model: "chat",
    user: plainMail,
    tools: [{ type: "function", function: { name: "send", description: `mails of ${plainMail}`, parameters: { type: "object" } } }],
    messages: [
      ...messages,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "t", content: [{ type: "text", text: `sent to ${plainMail}` }] },
    ],
  });
  const { text, body } = upstream.received[0]!;
  expect(text).not.toContain("corp-mail");
  expect(body.user).toBe("<EMAIL_1>");
  const [, assistant, tool] = body.messages as { tool_calls: { function: { arguments: string } }[]; content: { text: string }[] }[];
  expect(JSON.parse(assistant!.tool_calls[0]!.function.arguments)).toEqual({ to: "<EMAIL_2>", n: 1 });
  expect(tool!.content[0]!.text).toBe("sent to <EMAIL_1>");
});

test("one of several choices is blocked, the other goes on to its end", async () => {
  const at = (index: number, content: string, reason: string | null = null) => ({
    ...roleChunk,
    choices: [{ index, delta: reason ? {} : { content }, logprobs: null, finish_reason: reason }],
  });
  streams([at(0, "night"), at(1, "a "), at(0, "fall "), at(1, "<EMAIL_1> b"), at(0, "leaks"), at(1, "", "stop")]);
  const wire = await (await gateway.post("/v1/chat/completions", { model: "chat", messages, n: 2, stream: true })).text();
  const texts = ["", ""];
  const reasons: unknown[] = [];
  for (const event of wire.split("\n\n").filter(e => e.startsWith("data: {")))
    for (const c of JSON.parse(event.slice(6)).choices) {
      texts[c.index] += c.delta.content ?? "";
      if (c.finish_reason) reasons[c.index] = c.finish_reason;
    }
  expect(texts).toEqual(["", `a ${plainMail} b`]);
  expect(reasons).toEqual(["content_filter", "stop"]);
  expect(wire.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("a blocked stream ends its server's work and is charged for what came", async () => {
  let isOpen = true;
  upstream.script = (_, response) => {
    begin(response);
    response.write([roleChunk, wordChunk("nightfall "), wordChunk("x")].map(eventText).join(""));
    response.on("close", () => {
      isOpen = false;
    });
  };
  const got = readChunks(await (await gateway.post("/v1/chat/completions", { model: "chat", messages, stream: true })).text());
  expect(got).toMatchObject({ text: "", reason: "content_filter" });
  await until(() => !isOpen);
  expect(isOpen).toBe(false);
  expect(gateway.records.at(-1)).toMatchObject({ status: 200, error: "gateway/blocked" });
  expect(gateway.records.at(-1)!.outputTokens).toBeGreaterThan(0);
  expect(gateway.gateway.inFlight).toBe(0);
});

test("tokens of the answer are not told beside it", async () => {
  const logprobs = { content: [{ token: "nightfall", logprob: -1, bytes: null, top_logprobs: [] }] };
  streams([{ ...roleChunk, choices: [{ index: 0, delta: { content: "night" }, logprobs, finish_reason: null }] }, endsWith("stop")]);
  const wire = await (await gateway.post("/v1/chat/completions", { model: "chat", messages, logprobs: true, stream: true })).text();
  expect(wire).not.toContain("nightfall");
  expect(readChunks(wire).text).toBe("night");
});

test("completions: prompts and texts; token ids are refused, since nobody can look at them", async () => {
  const chunk = (text: string, reason: string | null = null) => ({
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: "inner",
    choices: [{ index: 0, text, logprobs: null, finish_reason: reason }],
  });
  streams([chunk("Dear <EMA"), chunk("IL_1"), chunk(">, "), chunk("", "stop")]);
  const wire = await (await gateway.post("/v1/completions", { model: "chat", prompt: [`To ${plainMail}`], stream: true })).text();
  expect(readChunks(wire)).toMatchObject({ text: `Dear ${plainMail}, `, reason: "stop" });
  expect(upstream.received[0]!.body.prompt).toEqual(["To <EMAIL_1>"]);
  const ids = await gateway.post("/v1/completions", { model: "chat", prompt: [1, 2, 3] });
  expect([ids.status, (await jsonOf(ids)).error.code]).toEqual([400, "content_policy_violation"]);
});

test("embeddings: inputs are redacted, answers are as they were", async () => {
  const answer = JSON.stringify({ object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5] }], model: "inner" });
  upstream.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(answer);
  };
  const response = await gateway.post("/v1/embeddings", { model: "chat", input: [`mail ${plainMail}`, "x"] });
  expect(await response.text()).toBe(answer);
  expect(upstream.received[0]!.body.input).toEqual(["mail <EMAIL_1>", "x"]);
  expect(gateway.gateway.inFlight).toBe(0);
});

const item = { id: "msg_1", type: "message", status: "completed", role: "assistant" };
const part = (text: string) => ({ type: "output_text", text, annotations: [] });
const responseEvents = (pieces: readonly string[]) => {
  const text = pieces.join("");
  const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const done = { ...item, content: [part(text)] };
  return [
    { type: "response.created", response: { id: "resp_1", object: "response", status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: { ...item, status: "in_progress", content: [] } },
    { type: "response.content_part.added", ...at, part: part("") },
    ...pieces.map(delta => ({ type: "response.output_text.delta", ...at, delta, logprobs: [] })),
    { type: "response.output_text.done", ...at, text, logprobs: [] },
    { type: "response.content_part.done", ...at, part: part(text) },
    { type: "response.output_item.done", output_index: 0, item: done },
    {
      type: "response.completed",
      response: { id: "resp_1", object: "response", status: "completed", output: [done], usage: { input_tokens: 1, output_tokens: 2 } },
    },
  ];
};
const streamsResponse = (pieces: readonly string[]) => {
  upstream.script = (_, response) => {
    begin(response);
    response.end(
      responseEvents(pieces)
        .map((e, i) => `event: ${e.type}\ndata: ${JSON.stringify({ ...e, sequence_number: i })}\n\n`)
        .join(""),
    );
  };
};

test("responses: every event that says a text says what left of it, numbered without a gap", async () => {
  streamsResponse(["Hi <EMA", "IL_1>", "! <", "3"]);
  const wire = await (
    await gateway.post("/v1/responses", { model: "chat", instructions: `for ${plainMail}`, input: "Hi", stream: true })
  ).text();
  expect(upstream.received[0]!.body.instructions).toBe("for <EMAIL_1>");
  const got = namedEvents(wire);
  const wanted = `Hi ${plainMail}! <3`;
  expect(
    got
      .filter(e => e.type === "response.output_text.delta")
      .map(e => e.delta)
      .join(""),
  ).toBe(wanted);
  expect(got.find(e => e.type === "response.output_text.done")!.text).toBe(wanted);
  expect(got.at(-1)).toMatchObject({ type: "response.completed", response: { output: [{ content: [{ text: wanted }] }] } });
  expect(got.map(e => e.sequence_number)).toEqual(got.map((_, i) => i));
  expect(wire).not.toContain("EMAIL_1");
});

test("responses: one in the background is refused where a guard checks answers, for it would be read past the guard", async () => {
  const response = await gateway.post("/v1/responses", { model: "chat", input: "Name?", background: true });
  expect(response.status).toBe(400);
  expect(await response.text()).toMatch(/background: expected false, since the guard \w+ checks answers/);
  expect(upstream.received).toHaveLength(0);
});

test("responses: a blocked one is incomplete by the filter, with what was said before it", async () => {
  streamsResponse(["It is night", "fall.", " Secret."]);
  const got = namedEvents(await (await gateway.post("/v1/responses", { model: "chat", input: "Name?", stream: true })).text());
  expect(got.at(-1)).toMatchObject({
    type: "response.incomplete",
    response: {
      // bound to its owner
      id: expect.stringMatching(/^resp_[\w-]{20,}$/),
      status: "incomplete",
      incomplete_details: { reason: "content_filter" },
      output: [{ content: [{ text: "It is " }] }],
    },
  });
  expect(JSON.stringify(got)).not.toMatch(/night|fall|Secret/);
  upstream.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ id: "resp_1", object: "response", status: "completed", output: [{ ...item, content: [part("It is nightfall.")] }] }),
    );
  };
  const whole = await jsonOf(await gateway.post("/v1/responses", { model: "chat", input: "Name?" }));
  expect(whole).toMatchObject({
    status: "incomplete",
    incomplete_details: { reason: "content_filter" },
    output: [{ content: [{ text: "It is " }] }],
  });
});

test("Anthropic's messages: values come back in blocks that stay in order, a blocked one is a refusal", async () => {
  const ask = { model: "chat", max_tokens: 50, messages, stream: true };
  const call = { index: 0, id: "t", type: "function", function: { name: "send", arguments: '{"to":"<EMAIL_1>"}' } };
  streams([roleChunk, wordChunk("To <EMA"), wordChunk("IL_1> <"), toolChunk([call]), endsWith("tool_calls")]);
  const got = namedEvents(await (await gateway.post("/v1/messages", ask)).text());
  const blocks: string[] = [];
  let open = -1;
  for (const e of got) {
    if (e.type === "content_block_start") {
      expect(e.index).toBe(++open);
      blocks[open] = "";
    }
    const { text, partial_json: args } = (e.delta ?? {}) as { text?: string; partial_json?: string };
    if (e.type === "content_block_delta") blocks[e.index as number] += text ?? args ?? "";
  }
  expect(blocks).toEqual([`To ${plainMail} <`, JSON.stringify({ to: plainMail })]);
  streams([roleChunk, wordChunk("It is night"), wordChunk("fall"), endsWith("stop")]);
  const blocked = namedEvents(await (await gateway.post("/v1/messages", ask)).text());
  expect(blocked.find(e => e.type === "message_delta")).toMatchObject({ delta: { stop_reason: "refusal" } });
  expect(JSON.stringify(blocked)).not.toMatch(/night|fall/);
  const refused = await gateway.post("/v1/messages", { ...ask, messages: [{ role: "user", content: "nightfall" }] });
  expect([refused.status, await jsonOf(refused)]).toMatchObject([400, { type: "error", error: { type: "invalid_request_error" } }]);
});

test("an answer that breaks off ends with its error, and what was held back stays so", async () => {
  upstream.script = async (_, response) => {
    begin(response);
    response.write([roleChunk, wordChunk("a night")].map(eventText).join(""));
    await new Promise(resolve => setTimeout(resolve, 50));
    response.destroy();
  };
  const got = readChunks(await (await gateway.post("/v1/chat/completions", { model: "chat", messages, stream: true })).text());
  expect(got.text).toBe("a ");
  expect(got.error).toMatchObject({ code: "upstream_cut" });
  expect(gateway.gateway.inFlight).toBe(0);
});

test("a client that leaves ends its server's work behind guards too", async () => {
  upstream.script = (_, response) => {
    begin(response);
    response.write([roleChunk, wordChunk("hello ")].map(eventText).join(""));
  };
  const leaving = new AbortController();
  const response = await gateway.post("/v1/chat/completions", { model: "chat", messages, stream: true }, { signal: leaving.signal });
  await response.body!.getReader().read();
  leaving.abort();
  await until(() => gateway.records.length + upstream.aborted >= 2);
  expect(gateway.records[0]).toMatchObject({ status: 499 });
  expect([upstream.aborted, gateway.gateway.inFlight]).toEqual([1, 0]);
});
