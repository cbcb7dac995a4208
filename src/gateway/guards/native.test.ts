/** Messages to a server that speaks them itself: what guards changed or looked at does not pass by them in the server's own words. */
import "../../data/index.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { begin, type FakeUpstream, fakeUpstream, type Script, type TestGateway, testGateway } from "../fakes.ts";
import { jsonOf } from "./fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
const mail = "ann.lee@corp-mail.com";
const answers =
  (pieces: readonly string[]): Script =>
  ({ body }, response) => {
    const message = { id: "msg_1", type: "message", role: "assistant", model: "inner", stop_reason: null, stop_sequence: null };
    const usage = { input_tokens: 3, output_tokens: 2 };
    if (body.stream !== true) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ ...message, content: [{ type: "text", text: pieces.join("") }], stop_reason: "end_turn", usage }));
      return;
    }
    begin(response);
    const events = [
      { type: "message_start", message: { ...message, content: [], usage } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      ...pieces.map(text => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 2 } },
      { type: "message_stop" },
    ];
    response.end(events.map(e => `event: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`).join(""));
  };
beforeEach(async () => {
  upstream = await fakeUpstream(answers(["ok"]));
  gateway = await testGateway({
    upstreams: { claude: { url: upstream.url, protocol: "anthropic" } },
    models: { chat: { targets: [{ upstream: "claude", model: "inner" }] } },
    retries: { attempts: 0 },
    guards: { default: ["pii", "words"], pii: { kind: "private" }, words: { kind: "blocklist", words: ["nightfall"] } },
  });
}, 60_000);
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});
const ask = (content: string, stream = false) =>
  gateway.post("/v1/messages", { model: "chat", max_tokens: 20, stream, messages: [{ role: "user", content }] });
const textOf = (wire: string) =>
  wire
    .split("\n\n")
    .filter(e => e.includes("data: "))
    .map(e => JSON.parse(e.slice(e.indexOf("data: ") + 6)).delta?.text ?? "")
    .join("");

test("values leave as placeholders and come back, whole and streamed", async () => {
  upstream.script = answers(["Dear <EM", "AIL_1>", "!"]);
  expect((await jsonOf(await ask(`I am ${mail}`))).content).toEqual([{ type: "text", text: `Dear ${mail}!` }]);
  expect(textOf(await (await ask(`I am ${mail}`, true)).text())).toBe(`Dear ${mail}!`);
  for (const { text } of upstream.received) expect(text).not.toContain("corp-mail");
});

test("nothing of a blocked passage passes, though the server said it in the client's own API", async () => {
  upstream.script = answers(["It is night", "fall, ", "and more"]);
  const whole = await jsonOf(await ask("Name?"));
  expect(whole).toMatchObject({ content: [{ type: "text", text: "It is " }], stop_reason: "refusal" });
  const wire = await (await ask("Name?", true)).text();
  expect(textOf(wire)).toBe("It is ");
  expect(wire).toContain('"stop_reason":"refusal"');
  expect(wire).not.toMatch(/night|fall|more/);
});

test("thoughts of earlier turns are looked at, and are not sent where they would have to change", async () => {
  const turn = {
    role: "assistant",
    content: [
      { type: "thinking", thinking: `she is ${mail}`, signature: "s" },
      { type: "text", text: "Hello" },
    ],
  };
  const messages = [{ role: "user", content: "Hi" }, turn, { role: "user", content: "Bye" }];
  expect((await gateway.post("/v1/messages", { model: "chat", max_tokens: 20, messages })).status).toBe(200);
  expect(upstream.received[0]!.text).not.toContain("corp-mail");
  expect(upstream.received[0]!.text).toContain("Hello");
  turn.content[0]!.thinking = "nightfall";
  expect((await gateway.post("/v1/messages", { model: "chat", max_tokens: 20, messages })).status).toBe(400);
  turn.content[0]!.thinking = "nothing";
  expect((await gateway.post("/v1/messages", { model: "chat", max_tokens: 20, messages })).status).toBe(200);
  expect(upstream.received[1]!.text).toContain('"thinking":"nothing"');
});

test.each<[string, object]>([
  ["the system prompt", { system: [{ type: "text", text: "nightfall" }] }],
  [
    "a system prompt in two parts",
    {
      system: [
        { type: "text", text: "night" },
        { type: "text", text: "fall" },
      ],
    },
  ],
  [
    "two parts of a message",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "night" },
            { type: "text", text: "fall" },
          ],
        },
      ],
    },
  ],
  ["a tool's description", { tools: [{ name: "f", description: "n1ghtfall", input_schema: { type: "object" } }] }],
  ["a tool's name", { tools: [{ name: "nightfall", input_schema: { type: "object" } }] }],
  ["a key of a schema", { tools: [{ name: "f", input_schema: { type: "object", properties: { nightfall: { type: "string" } } } }] }],
  [
    "a choice of a schema",
    { tools: [{ name: "f", input_schema: { type: "object", properties: { a: { type: "string", enum: ["n.i.g.h.t.f.a.l.l"] } } } }] },
  ],
  ["tag characters", { system: [..."nightfall"].map(c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("") }],
])("a blocked word in %s is found", async (_, body) => {
  const messages = [{ role: "user", content: "Hi" }];
  expect((await gateway.post("/v1/messages", { model: "chat", max_tokens: 20, messages, ...body })).status).toBe(400);
  expect(upstream.received).toEqual([]);
});
