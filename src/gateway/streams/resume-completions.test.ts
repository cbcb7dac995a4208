/** Completions that broke off are gone on with by another server, to which the text so far is a part of the prompt: the client sees one answer. */
import OpenAI, { APIError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { begin, eventText, type FakeUpstream, fakeUpstream, type Script, type TestGateway, testGateway, words } from "../fakes.ts";

const prompt = "Count to sixty:\n";
const all = words.join("");

const completion = (id: string, text: string, reason: string | null = null, more: object = {}) => ({
  id,
  object: "text_completion",
  created: id === "cmpl-0" ? 1_700_000_000 : 1,
  model: `inner of ${id}`,
  choices: [{ index: 0, text, logprobs: null, finish_reason: reason }],
  ...more,
});

/** A server that goes on behind whatever words the prompt ends with, word by word, and falls after `most` of them. */
const goesOn =
  (id: string, most = 1_000): Script =>
  async ({ body }, response) => {
    const behind = String(body.prompt);
    const said = words.findIndex((_, i) => behind === prompt + words.slice(0, i).join(""));
    const left = words.slice(Math.max(0, said));
    begin(response);
    for (const word of left.slice(0, most)) response.write(eventText(completion(id, word)));
    if (most < left.length) {
      await new Promise(resolve => setTimeout(resolve, 30));
      response.destroy();
      return;
    }
    const { include_usage: asks } = (body.stream_options ?? {}) as { include_usage?: boolean };
    const usage = { prompt_tokens: 5 + said, completion_tokens: left.length, total_tokens: 5 + said + left.length };
    response.end(
      [completion(id, "", "stop"), ...(asks ? [completion(id, "", null, { choices: [], usage })] : []), "[DONE]"].map(eventText).join(""),
    );
  };

let servers: FakeUpstream[];
let gateway: TestGateway;
let client: OpenAI;
const names = ["first", "second", "third"] as const;

/** Servers that are asked in this order, each of which is cut after so many words. */
async function start(cuts: readonly number[], resume: readonly string[] = ["completions", "completions", "completions"]): Promise<void> {
  servers = await Promise.all(names.map((_, i) => fakeUpstream(goesOn(`cmpl-${i}`, cuts[i]))));
  gateway = await testGateway({
    upstreams: Object.fromEntries(names.map((n, i) => [n, { url: servers[i]!.url, resume: resume[i], breaker: { failures: 1000 } }])),
    models: {
      m: { targets: names.map((upstream, priority) => ({ upstream, model: "inner", priority })) },
      alone: { targets: [{ upstream: "first" }] },
    },
    retries: { attempts: 2, budget: 1, backoff: "1ms" },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
}
beforeEach(() => {
  servers = [];
});
afterEach(async () => {
  await gateway.close();
  await Promise.all(servers.map(s => s.close()));
  expect(gateway.failures).toEqual([]);
});

interface Got {
  text: string;
  reasons: string[];
  ids: Set<string>;
  made: Set<number>;
  usage: OpenAI.CompletionUsage | undefined;
  error: unknown;
}

async function read(more: Partial<OpenAI.CompletionCreateParamsStreaming> = {}): Promise<Got> {
  const got: Got = { text: "", reasons: [], ids: new Set(), made: new Set(), usage: undefined, error: undefined };
  try {
    for await (const chunk of await client.completions.create({ model: "m", prompt, stream: true, ...more })) {
      got.ids.add(chunk.id);
      got.made.add(chunk.created);
      got.text += chunk.choices[0]?.text ?? "";
      const reason = chunk.choices[0]?.finish_reason;
      if (reason) got.reasons.push(reason);
      got.usage = chunk.usage ?? got.usage;
    }
  } catch (error) {
    got.error = error;
  }
  return got;
}

const record = async () => {
  await until(() => gateway.records.length > 0);
  return gateway.records[0]!;
};
const asked = () => servers.map(s => s.received.length);

for (const cut of [1, 7, 40, 59])
  test(`an answer that breaks off after ${cut} of 60 words is gone on with: one text, one id, one end, and counts as of one answer`, async () => {
    await start([cut]);
    const got = await read({ max_tokens: 100, stream_options: { include_usage: true } });
    expect(got).toMatchObject({ text: all, reasons: ["stop"], error: undefined });
    expect([[...got.ids], [...got.made]]).toEqual([["cmpl-0"], [1_700_000_000]]);
    expect(got.usage).toEqual({ prompt_tokens: 5, completion_tokens: 60, total_tokens: 65 });
    expect(asked()).toEqual([1, 1, 0]);
    // what the text so far has used of the bound is used
    expect(servers[1]!.received[0]!.body).toMatchObject({
      prompt: prompt + words.slice(0, cut).join(""),
      max_tokens: 100 - cut,
      stream: true,
    });
    expect(await record()).toMatchObject({
      status: 200,
      error: null,
      resumed: 1,
      target: "second/inner",
      inputTokens: 5,
      outputTokens: 60,
    });
    expect((await record()).attempts.map(a => a.how)).toEqual(["cut", "answered"]);
  });

test("an answer that breaks off twice is gone on with twice", async () => {
  await start([20, 25]);
  const got = await read({ max_tokens: 100, stream_options: { include_usage: true } });
  expect(got).toMatchObject({ text: all, reasons: ["stop"], error: undefined });
  expect([...got.ids]).toEqual(["cmpl-0"]);
  expect(got.usage).toEqual({ prompt_tokens: 5, completion_tokens: 60, total_tokens: 65 });
  expect(servers[2]!.received[0]!.body).toMatchObject({ prompt: prompt + words.slice(0, 45).join(""), max_tokens: 55 });
  expect(await record()).toMatchObject({ resumed: 2, target: "third/inner", inputTokens: 5, outputTokens: 60 });
});

test("servers that cannot be told where to go on are passed over", async () => {
  await start([40], ["completions", "none", "completions"]);
  expect(await read()).toMatchObject({ text: all, reasons: ["stop"], error: undefined });
  expect(asked()).toEqual([1, 0, 1]);
});

test("what goes on is what the second server can do, whatever the first could", async () => {
  await start([40], ["none", "vllm", "completions"]);
  expect(await read()).toMatchObject({ text: all, error: undefined });
  expect(asked()).toEqual([1, 1, 0]);
});

test("a server that is the only one goes on itself", async () => {
  await start([40]);
  let count = 0;
  const [first] = servers;
  const whole = goesOn("cmpl-0");
  const broken = first!.script;
  first!.script = (received, response) => (count++ === 0 ? broken : whole)(received, response);
  expect(await read({ model: "alone" })).toMatchObject({ text: all, reasons: ["stop"], error: undefined });
  expect(asked()).toEqual([2, 0, 0]);
});

const neverResumed: Record<string, Partial<OpenAI.CompletionCreateParamsStreaming>> = {
  "a prompt of token ids": { prompt: [1, 2, 3] },
  "several prompts": { prompt: [prompt] },
  "several choices": { n: 2 },
  "the best of several": { best_of: 2 },
  "the prompt in front of the answer": { echo: true },
  "a text behind the answer": { suffix: "." },
  logprobs: { logprobs: 1 },
  "no more tokens than have come": { max_tokens: 40 },
};
for (const [what, more] of Object.entries(neverResumed))
  test(`${what}: the client is told, nobody else is asked, and no word comes twice`, async () => {
    await start([40]);
    const [first] = servers;
    const { script } = first!;
    first!.script = (received, response) => script({ ...received, body: { ...received.body, prompt } }, response);
    const { text, reasons, error } = await read(more);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: "upstream_cut" });
    expect([text, reasons]).toEqual([words.slice(0, 40).join(""), []]);
    expect(asked()).toEqual([1, 0, 0]);
  });

test("where nobody can go on the client is told that the answer broke off", async () => {
  await start([40], ["none", "none", "none"]);
  const { text, error } = await read();
  expect(error).toMatchObject({ code: "upstream_cut" });
  expect(text).toBe(words.slice(0, 40).join(""));
  expect(asked()).toEqual([1, 0, 0]);
});

test("where the others refuse to go on the client is told that the answer broke off", async () => {
  await start([40]);
  for (const server of servers.slice(1)) server.script = (_, response) => void response.destroy();
  const { text, error } = await read();
  expect(error).toBeInstanceOf(APIError);
  expect(text).toBe(words.slice(0, 40).join(""));
  expect(asked()).toEqual([1, 1, 1]);
  expect((await record()).status).toBe(200);
});
