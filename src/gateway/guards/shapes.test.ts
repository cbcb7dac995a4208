/** What servers say in ways of their own: nothing of it passes by the guards. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { begin, eventText, type FakeUpstream, fakeUpstream, good, lastChunk, roleChunk, type TestGateway, testGateway } from "../fakes.ts";
import { jsonOf } from "./fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
    retries: { attempts: 0 },
    guards: { default: ["words"], words: { kind: "blocklist", words: ["nightfall"], on: ["answer"] } },
  });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const shapes: [string, object][] = [
  ["a content", { content: "It is nightfall" }],
  [
    "parts of a content",
    {
      content: [
        { type: "text", text: "It is night" },
        { type: "text", text: "fall" },
      ],
    },
  ],
  ["reasoning", { reasoning_content: "It is nightfall", content: "" }],
  ["reasoning by another name", { thoughts: "It is nightfall" }],
  ["a refusal", { refusal: "It is nightfall" }],
  ["a structure that nobody here knows", { content: "It is ", details: [{ text: "nightfall" }] }],
  ["arguments", { tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "f", arguments: '{"a":"nightfall"}' } }] }],
  ["arguments of a function", { function_call: { name: "f", arguments: '{"a":"night\\u0066all"}' } }],
];

test.each(shapes)("%s, whole and streamed", async (name, said) => {
  upstream.script = ({ body }, response) => {
    if (body.stream === true) {
      begin(response);
      const chunk = { ...roleChunk, choices: [{ index: 0, delta: { role: "assistant", ...said }, finish_reason: null }] };
      response.end([chunk, lastChunk, "[DONE]"].map(eventText).join(""));
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    const choices = [{ index: 0, message: { role: "assistant", ...said }, finish_reason: "stop" }];
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices }));
  };
  const ask = { model: "chat", messages: [{ role: "user", content: "Name?" }] };
  const whole = await jsonOf(await gateway.post("/v1/chat/completions", ask));
  const wire = await (await gateway.post("/v1/chat/completions", { ...ask, stream: true })).text();
  for (const text of [JSON.stringify(whole), wire]) expect(text).not.toMatch(/night|fall|u0066/);
  const reason = name.includes("nobody here knows") ? "stop" : "content_filter";
  expect(whole.choices[0].finish_reason).toBe(reason);
  expect(wire).toContain(`"finish_reason":"${reason}"`);
});
