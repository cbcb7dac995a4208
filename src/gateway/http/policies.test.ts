/** Bounds of policies over sockets: what reaches the server of a model is within them, by whatever name it is asked for. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const open = async (...policies: NonNullable<ControlGiven["policies"]>) => {
  const access: ControlGiven = { principals: { users: { ann: {} } }, policies };
  const models = { chat: { targets: [{ upstream: "local", model: "inner" }] } };
  gateway = await testGateway({ upstreams: { local: { url: upstream.url } }, models }, { access });
};
const messages = [{ role: "user", content: "Count." }];
const bodies = {
  "/v1/chat/completions": { model: "chat", messages },
  "/v1/completions": { model: "chat", prompt: "Count." },
  "/v1/responses": { model: "chat", input: "Count." },
  "/v1/messages": { model: "chat", messages },
};
type Path = keyof typeof bodies;
const ask = async (path: Path, more: object, headers: Record<string, string> = {}) => {
  const response = await gateway.post(path, { ...bodies[path], ...more }, { headers });
  await response.text();
  return response.status;
};

test("a bound on max_tokens lets no other name of it pass to the server", async () => {
  await open({ id: "short", effect: "allow", parameters: { max_tokens: { max: 100 } } });
  for (const [path, more] of [
    ["/v1/chat/completions", { max_tokens: 10, max_completion_tokens: 100_000 }],
    ["/v1/chat/completions", { max_tokens: 100_000, max_completion_tokens: 10 }],
    ["/v1/chat/completions", { max_tokens: "100000", max_completion_tokens: 10 }],
    ["/v1/chat/completions", { max_tokens: 10, n_predict: 100_000 }],
    ["/v1/chat/completions", { max_tokens: 10, n_predict: -1 }],
    ["/v1/completions", { max_tokens: 10, max_completion_tokens: 101 }],
    ["/v1/responses", { max_tokens: 10, max_output_tokens: 101 }],
    ["/v1/messages", { max_tokens: 101 }],
    // what says no number is within no bound
    ["/v1/chat/completions", {}],
    ["/v1/chat/completions", { max_tokens: null }],
    ["/v1/responses", {}],
  ] as const)
    expect([path, more, await ask(path, more)]).toEqual([path, more, 403]);
  expect(upstream.received).toEqual([]);
  for (const [path, more] of [
    ["/v1/chat/completions", { max_tokens: 100 }],
    ["/v1/chat/completions", { max_completion_tokens: 100 }],
    ["/v1/completions", { max_tokens: 0 }],
    ["/v1/messages", { max_tokens: 100 }],
  ] as const)
    expect([path, more, await ask(path, more)]).toEqual([path, more, 200]);
  expect(await ask("/v1/responses", { max_output_tokens: 100 })).not.toBe(403);
});

test("a denial of many tokens strikes under each name, and leaves alone who says none", async () => {
  await open({ id: "all", effect: "allow" }, { id: "long", effect: "deny", parameters: { max_tokens: { min: 1000 } } });
  for (const more of [{ max_completion_tokens: 1000 }, { max_tokens: 1, max_completion_tokens: 1000 }, { max_tokens: 1, n_predict: -1 }])
    expect([more, await ask("/v1/chat/completions", more)]).toEqual([more, 403]);
  expect(await ask("/v1/responses", { max_output_tokens: 1000 })).toBe(403);
  expect(upstream.received).toEqual([]);
  for (const more of [{}, { max_tokens: 999 }, { max_completion_tokens: 999 }])
    expect([more, await ask("/v1/chat/completions", more)]).toEqual([more, 200]);
});

test("a bound on another name is on its own value, and one on a parameter of sampling strikes", async () => {
  await open(
    { id: "own", effect: "allow", parameters: { max_completion_tokens: { max: 50 } } },
    { id: "narrow", effect: "deny", parameters: { top_k: { max: 1 } } },
  );
  expect(await ask("/v1/chat/completions", { max_completion_tokens: 50, max_tokens: 60 })).toBe(200);
  expect(await ask("/v1/chat/completions", { max_completion_tokens: 51 })).toBe(403);
  expect(await ask("/v1/chat/completions", { max_tokens: 10 })).toBe(403);
  expect(await ask("/v1/chat/completions", { max_completion_tokens: 50, top_k: 1 })).toBe(403);
});

test("a class of data is what the request's header says", async () => {
  await open({ id: "public", effect: "allow", dataClasses: ["public"] });
  const classed = (dataClass: string) => ask("/v1/chat/completions", {}, { "x-loam-data-class": dataClass });
  expect([await ask("/v1/chat/completions", {}), await classed("personal"), await classed("public")]).toEqual([403, 403, 200]);
});

test("of too many tools, tools of a server's own and other forms of answers none reaches the server, by whichever address", async () => {
  await open(
    { id: "plain", effect: "allow", parameters: { tools: { max: 2 }, "tools.type": { oneOf: ["function"] } } },
    { id: "forms", effect: "deny", parameters: { "response_format.type": { oneOf: ["json_schema"] } } },
  );
  const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
  const own = { name: "f", input_schema: { type: "object", properties: {} } };
  const form = { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } };
  for (const [path, more] of [
    ["/v1/chat/completions", { tools: [tool, tool, tool] }],
    ["/v1/chat/completions", { tools: [tool, tool], functions: [tool.function] }],
    ["/v1/chat/completions", { tools: { length: 0 } }],
    ["/v1/chat/completions", { response_format: form }],
    ["/v1/responses", { tools: [{ type: "web_search" }] }],
    ["/v1/messages", { max_tokens: 9, tools: [own, own, own] }],
    // of this no chat can be told, so that only the request's own words have it
    ["/v1/messages", { max_tokens: 9, tools: [{ type: "web_search_20250305", name: "web_search" }] }],
    ["/v1/messages", { max_tokens: 9, output_config: { format: { type: "json_schema", schema: {} } } }],
  ] as const)
    expect([path, more, await ask(path, more)]).toEqual([path, more, 403]);
  expect(upstream.received).toEqual([]);
  for (const [path, more] of [
    ["/v1/chat/completions", {}],
    ["/v1/chat/completions", { tools: [tool, tool] }],
    ["/v1/chat/completions", { response_format: { type: "text" } }],
    ["/v1/messages", { max_tokens: 9, tools: [own, own] }],
  ] as const)
    expect([path, more, await ask(path, more)]).toEqual([path, more, 200]);
});
