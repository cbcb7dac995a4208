/** What is charged is what can be: an upstream's own counts are bounded by what was held, by the request, by what was seen of the answer. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { defined } from "../../base/index.ts";
import { checkConfig } from "../config/read-config.ts";
import type { ControlGiven } from "../control-config.ts";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  goodEvents,
  openAccess,
  type Script,
  type TestGateway,
  testGateway,
  wordChunk,
} from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(() => {});
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const tokens = { name: "tokens", measure: "tokens", limit: 1_000_000, window: "1h" } as const;
const start = async (model: object = {}, limits: readonly object[] = [tokens], more: object = {}) => {
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url, ...more } },
      models: { chat: { targets: [{ upstream: "local", model: "inner" }], ...model } },
    },
    { access: { ...openAccess, limits } as ControlGiven },
  );
};
const messages = [{ role: "user", content: "Count." }];
const ask = (more: object = {}, path = "/v1/chat/completions") => gateway.post(path, { model: "chat", messages, ...more });
const saying =
  (usage: unknown, content: string | null = "one two"): Script =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
    response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices, ...defined({ usage }) }));
  };
const said = (prompt: number, completion: number, more: object = {}) => ({ prompt_tokens: prompt, completion_tokens: completion, ...more });

/** Of the last request: the record's counts, which must be those of the table of usage and of the limit. */
async function charged(): Promise<{ readonly input: number; readonly output: number; readonly cached: number }> {
  await until(() => gateway.records.length > 0);
  const [record] = gateway.records;
  const { control } = gateway.gateway;
  const rows = await control.usage("2000-01-01", "2100-01-01");
  const sum = (key: "inputTokens" | "outputTokens" | "cachedTokens") => rows.reduce((n, r) => n + r[key], 0);
  expect([sum("inputTokens"), sum("outputTokens"), sum("cachedTokens")]).toEqual([
    record!.inputTokens,
    record!.outputTokens,
    record!.cachedTokens,
  ]);
  const view = await control.limitsView({});
  const limit = view.limits.find(l => l.measure === "tokens");
  if (limit) {
    // it leaks a little meanwhile
    const { used, held } = limit.buckets[0] ?? { used: 0, held: 0 };
    const all = Math.min(record!.inputTokens + record!.outputTokens, Number.MAX_SAFE_INTEGER);
    expect(held).toBe(0);
    expect(Math.abs(used - all)).toBeLessThan(2_000);
  }
  return { input: record!.inputTokens, output: record!.outputTokens, cached: record!.cachedTokens };
}

for (const [what, usage] of [
  ["nothing", undefined],
  ["null", null],
  ["no number", said(7, Number.NaN)],
  ["less than nothing", said(7, -1)],
  ["of its answer nothing", { prompt_tokens: 7 }],
  ["that nothing was written", said(7, 0)],
] as const)
  test(`a whole answer whose upstream says ${what}: what was held is charged`, async () => {
    await start();
    upstream.script = saying(usage);
    await (await ask({ max_tokens: 500, n: 2 })).text();
    expect((await charged()).output).toBe(1_000);
  });

test("an empty answer of no tokens is one, and what cannot write is charged no output, whatever is said", async () => {
  await start();
  upstream.script = saying(said(7, 0), "");
  await (await ask({ max_tokens: 500 })).text();
  expect(await charged()).toEqual({ input: 7, output: 0, cached: 0 });
  for (const usage of [undefined, said(3, 900)]) {
    gateway.records.length = 0;
    upstream.script = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ object: "list", data: [], model: "m", usage }));
    };
    expect((await ask({ input: "hi" }, "/v1/embeddings")).status).toBe(200);
    expect(gateway.records[0]).toMatchObject({ outputTokens: 0 });
  }
});

test("a response that failed is charged no output where nothing is said of it", async () => {
  await start();
  upstream.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const error = { code: "invalid_prompt", message: "no" };
    response.end(JSON.stringify({ id: "r", object: "response", status: "failed", error, output: [], usage: null }));
  };
  await (await ask({ input: "hi", max_output_tokens: 500 }, "/v1/responses")).text();
  expect((await charged()).output).toBe(0);
});

for (const stream of [false, true])
  test(`${stream ? "streamed" : "whole"}: a lie upwards takes no more than was held, or the model's own bound where that is more`, async () => {
    const answer: Script = (received, response) => {
      if (!stream) return saying(usage)(received, response);
      begin(response);
      response.end([...goodEvents({}).slice(0, -1), eventText({ ...wordChunk(""), choices: [], usage }), eventText("[DONE]")].join(""));
    };
    let usage: object = {};
    upstream.script = answer;
    for (const [max_tokens, output, expected] of [
      // servers differ on whether max_tokens counts what they think before they answer
      [10, 90, 90],
      [10, 4_096, 4_096],
      [10, 4_097, 4_096],
      [10, 500_000_000, 4_096],
      [10_000, 10_000, 10_000],
      [10_000, 10_001, 10_000],
      // nothing bounds it: no more than the model takes
      [undefined, 90_000, 90_000],
      [undefined, 500_000_000, 131_072],
    ] as const) {
      await start();
      usage = said(7, output);
      await (await ask({ max_tokens, stream })).text();
      expect([max_tokens, output, (await charged()).output]).toEqual([max_tokens, output, expected]);
      await gateway.close();
    }
    await start({ maxOutputTokens: 20 });
    usage = said(7, 5_000);
    await (await ask({ stream, n: 2 })).text();
    expect((await charged()).output).toBe(40);
  });

test("of a prompt is believed what its bytes can be, or what the model takes; and no more of it was in a cache", async () => {
  for (const [model, content, input, expected] of [
    // a picture's address is short, and what it shows is not
    [{}, "Look", 100_000, 100_000],
    [{}, "Look", 500_000_000, 131_072],
    [{ contextTokens: 1_000_000 }, "Look", 500_000, 500_000],
    [{ contextTokens: 100 }, "Look", 5_000, 200],
    [{ contextTokens: 100 }, "x".repeat(5_000), 5_000, 5_000],
  ] as const) {
    await start(model);
    upstream.script = saying(said(input, 1, { prompt_tokens_details: { cached_tokens: input + 1 } }));
    await (await ask({ messages: [{ role: "user", content }] })).text();
    const { input: got, cached } = await charged();
    if (expected === 200) expect(got).toBeLessThanOrEqual(expected);
    else expect([input, got]).toEqual([input, expected]);
    expect(cached).toBe(got);
    await gateway.close();
  }
  await start();
  upstream.script = saying(said(7, 1));
  await (await ask()).text();
});

test("a stream of sixty pieces was not one token; one of letters may have been few", async () => {
  for (const [output, expected] of [
    [1, 60],
    [7, 60],
    [8, 8],
    [20, 20],
    [60, 60],
    [300, 300],
  ] as const) {
    await start();
    upstream.script = (_, response) => {
      begin(response);
      response.end(
        [...goodEvents({}).slice(0, -1), eventText({ ...wordChunk(""), choices: [], usage: said(7, output) }), eventText("[DONE]")].join(
          "",
        ),
      );
    };
    await (await ask({ stream: true, max_tokens: 500 })).text();
    expect([output, (await charged()).output]).toEqual([output, expected]);
    await gateway.close();
  }
  await start();
});

test("an upstream is told the model's bound where the file says it and the request none, and nothing is changed where it does", async () => {
  upstream.script = saying(said(7, 1));
  const told = async (more: object = {}, path?: string) => {
    upstream.received.length = 0;
    const response = await ask(more, path);
    expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
    const { max_tokens, max_completion_tokens, max_output_tokens } = upstream.received[0]!.body;
    return { max_tokens, max_completion_tokens, max_output_tokens };
  };
  const none = { max_tokens: undefined, max_completion_tokens: undefined, max_output_tokens: undefined };
  for (const [model, limits, expected] of [
    [{}, [], undefined],
    [{}, [tokens], undefined],
    [{ maxOutputTokens: 77 }, [tokens], 77],
    [{ maxOutputTokens: 4_096 }, [], 4_096],
  ] as const) {
    await start(model, limits);
    expect([model, await told()]).toEqual([model, { ...none, max_tokens: expected }]);
    // n answers of so many each
    expect(await told({ n: 2 })).toEqual({ ...none, max_tokens: expected });
    expect(await told({ max_tokens: 9 })).toEqual({ ...none, max_tokens: 9 });
    expect(await told({ max_completion_tokens: 9 })).toEqual({ ...none, max_completion_tokens: 9 });
    expect(await told({ input: "hi" }, "/v1/responses")).toEqual({ ...none, max_output_tokens: expected });
    // servers write 16 there where nothing is said
    expect(await told({ prompt: "hi" }, "/v1/completions")).toEqual(none);
    await gateway.close();
  }
  await start({ maxOutputTokens: 77 }, [], { outputLimit: "max_completion_tokens" });
  expect(await told()).toEqual({ ...none, max_completion_tokens: 77 });
  expect(await told({ max_tokens: null })).toEqual({ ...none, max_tokens: null, max_completion_tokens: 77 });
});

test("an answer that is gone on with by another call has what is left of the model's bound", async () => {
  for (const [outputLimit, name] of [
    [undefined, "max_tokens"],
    ["max_completion_tokens", "max_completion_tokens"],
  ] as const) {
    await start({ maxOutputTokens: 70 }, [tokens], { resume: "vllm", ...defined({ outputLimit }) });
    upstream.received.length = 0;
    upstream.script = (_, response) => {
      begin(response);
      const events = goodEvents({});
      if (upstream.received.length > 1) response.end(events.slice(21).join(""));
      else response.write(events.slice(0, 21).join(""), () => setTimeout(() => response.destroy(), 20));
    };
    await (await ask({ stream: true })).text();
    expect(upstream.received.map(r => [r.body.max_tokens, r.body.max_completion_tokens].filter(n => n !== undefined))).toEqual([
      [70],
      [50],
    ]);
    expect(upstream.received[1]!.body[name]).toBe(50);
    await gateway.close();
  }
  await start();
});

test("OpenAI's own servers are told by the name that its newer models know, others by the one that all know", async () => {
  await start();
  const nameOf = async (url: string) =>
    (
      await checkConfig(
        { state: "memory:", upstreams: { u: { url } }, models: { m: { targets: [{ upstream: "u" }] } } },
        "gateway.yaml",
        ".",
      )
    ).upstreams.get("u")!.outputLimit;
  expect(
    await Promise.all(["https://api.openai.com/v1", "https://eu.api.openai.com/v1", "https://x.openai.azure.com/openai/v1"].map(nameOf)),
  ).toEqual(Array(3).fill("max_completion_tokens"));
  expect(
    await Promise.all(["https://api.openai.com.example/v1", "https://myopenai.com/v1", "http://127.0.0.1:8000/v1"].map(nameOf)),
  ).toEqual(Array(3).fill("max_tokens"));
});

test("of two bounds in one request the larger is held", async () => {
  upstream.script = saying(undefined);
  for (const [a, b] of [
    [10, 300],
    [300, 10],
  ]) {
    await start();
    await (await ask({ max_tokens: a, max_completion_tokens: b })).text();
    expect((await charged()).output).toBe(300);
    await gateway.close();
  }
  await start();
});

for (const stream of [false, true])
  test(`a client that leaves before its ${stream ? "stream" : "answer"} is charged the prompt that a server was given, and nothing in a line`, async () => {
    upstream.script = () => {};
    await start({}, [tokens], { concurrency: 1 });
    const leave = () => {
      const controller = new AbortController();
      void gateway.post("/v1/chat/completions", { model: "chat", messages, stream }, { signal: controller.signal }).catch(() => {});
      return controller;
    };
    const first = leave();
    await until(() => upstream.received.length === 1);
    const waits = leave();
    await until(() => gateway.gateway.state().upstreams[0]!.lane!.waiting === 1);
    waits.abort();
    await until(() => gateway.records.length === 1);
    expect(gateway.records[0]).toMatchObject({ status: 499, attempts: [], inputTokens: 0, outputTokens: 0 });
    first.abort();
    await until(() => gateway.records.length === 2);
    expect(gateway.records[1]).toMatchObject({ status: 499, error: "gateway/cancelled", outputTokens: 0 });
    expect(gateway.records[1]!.inputTokens).toBeGreaterThan(0);
    const rows = await gateway.gateway.control.usage("2000-01-01", "2100-01-01");
    expect(rows.reduce((n, r) => n + r.inputTokens, 0)).toBe(gateway.records[1]!.inputTokens);
  });
