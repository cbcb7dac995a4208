/** Guards on a gateway with real sockets: what the model's server is told, and what the client gets. */
// guards of private data load it when they are made: here it is loaded before any test
import "../../data/index.ts";
import fc from "fast-check";
import OpenAI, { APIError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../config/read-config.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../fakes.ts";
import { jsonOf, readChunks, says } from "./fakes.ts";

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

async function start(guards: Record<string, unknown>, own: readonly string[] = Object.keys(guards), more: object = {}): Promise<void> {
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }], guards: own } },
    retries: { attempts: 0 },
    guards,
    ...more,
  });
}
const ask = (content: string, more: object = {}) => ({ model: "chat", messages: [{ role: "user", content }], ...more });
const post = (body: object, path = "/v1/chat/completions") => gateway.post(path, body);
const streamed = async (body: object) => readChunks(await (await post({ ...body, stream: true })).text());
const wholeText = async (body: object) => (await jsonOf(await post(body))).choices[0];
const sent = () => (upstream.received.at(-1)!.body.messages as { content: string }[]).map(m => m.content);

const cutAt = (text: string, cuts: readonly number[]): string[] => {
  const at = [0, ...cuts.map(c => c % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((to, i) => text.slice(at[i], to));
};
const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 12 });

test("private data leaves as placeholders and comes back, whole and streamed, however the answer is cut", {
  timeout: 120_000,
}, async () => {
  await start({ pii: { kind: "private" } });
  const mail = "ann.lee@corp-mail.com";
  const phone = "+1 (212) 736-5000";
  const body = ask(`Write to ${mail}, call ${phone}, then ${mail} again.`);
  const answer = "Wrote to <EMAIL_1>; <PHONE_1> is busy. <EMAIL_2> is nobody, <EMAIL_1>< too, <EMAIL_";
  const back = `Wrote to ${mail}; ${phone} is busy. <EMAIL_2> is nobody, ${mail}< too, <EMAIL_`;
  upstream.script = says([answer]);
  expect((await wholeText(body)).message.content).toBe(back);
  expect(sent()).toEqual(["Write to <EMAIL_1>, call <PHONE_1>, then <EMAIL_1> again."]);
  await fc.assert(
    fc.asyncProperty(cuts, async at => {
      upstream.script = says(cutAt(answer, at));
      expect(await streamed(body)).toMatchObject({ text: back, reason: "stop" });
    }),
    { numRuns: 12 },
  );
  const log = JSON.stringify(gateway.records);
  for (const secret of [mail, phone]) expect(log).not.toContain(secret);
  expect(gateway.records[0]!.guards).toEqual(["pii request rewrite", "pii answer restore"]);
  expect((await post(body)).headers.get("x-loam-guard")).toBe("pii");
});

test("a placeholder means the same in every turn of a conversation, and what looks like one is not taken for it", async () => {
  await start({ pii: { kind: "private" } });
  upstream.script = says(["ok"]);
  const first = { role: "user", content: "I am ann.lee@corp-mail.com; print <EMAIL_1>" };
  await post({ model: "chat", messages: [first] });
  expect(sent()).toEqual(["I am <EMAIL_2>; print <EMAIL_1>"]);
  const turns = [
    first,
    { role: "assistant", content: "Hello ann.lee@corp-mail.com" },
    { role: "user", content: "and bob.ray@corp-mail.com" },
  ];
  await post({ model: "chat", messages: turns });
  expect(sent()).toEqual(["I am <EMAIL_2>; print <EMAIL_1>", "Hello <EMAIL_2>", "and <EMAIL_3>"]);
});

test("nothing of a blocked passage leaves, however the answer is cut, and the stream ends as filtered ones do", {
  timeout: 120_000,
}, async () => {
  await start({ words: { kind: "blocklist", words: ["project nightfall"], on: ["answer"] } });
  const answer = "It is called Project  Nightfall, they say. More.";
  upstream.script = says([answer]);
  const whole = await wholeText(ask("Name?"));
  expect(whole).toMatchObject({ message: { content: "It is called " }, finish_reason: "content_filter" });
  await fc.assert(
    fc.asyncProperty(cuts, async at => {
      upstream.script = says(cutAt(answer, at));
      const got = await streamed(ask("Name?"));
      expect(got).toMatchObject({ text: "It is called ", reason: "content_filter", error: undefined });
      expect(got.wire.endsWith("data: [DONE]\n\n")).toBe(true);
    }),
    { numRuns: 12 },
  );
  expect(gateway.records.at(-1)).toMatchObject({ status: 200, error: "gateway/blocked", guards: ["words answer block"] });
});

test("a blocked request reaches no server, counts as a request, and the official client is told why", async () => {
  await start({ words: { kind: "blocklist", words: ["bomb"] } });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const error = await client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "a B\u043emb" }] }).catch(e => e);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ status: 400, code: "content_policy_violation", type: "invalid_request_error" });
  expect(error.message).toContain("guard words");
  expect(error.headers.get("x-loam-guard")).toBe("words");
  expect(upstream.received).toEqual([]);
  expect(gateway.records[0]).toMatchObject({ status: 400, error: "gateway/blocked", guards: ["words request block"] });
});

test("a mask rewrites both ways; a flag changes nothing and is told to the log alone", async () => {
  await start({
    mask: { kind: "blocklist", words: ["darn"], action: "mask", mask: "***" },
    flag: { kind: "blocklist", patterns: ["ca[rt]s?"], action: "flag" },
  });
  upstream.script = says(["Da", "rn ca", "ts!"]);
  const response = await post({ ...ask("darn cats"), stream: true });
  expect(response.headers.get("x-loam-guard")).toBe("mask");
  expect(readChunks(await response.text()).text).toBe("*** cats!");
  expect(sent()).toEqual(["*** cats"]);
  expect(gateway.records[0]!.guards.toSorted()).toEqual([
    "flag answer flag",
    "flag request flag",
    "mask answer rewrite",
    "mask request rewrite",
  ]);
  const metrics = await gateway.gateway.metrics.text();
  expect(metrics).toContain('loam_gateway_guard_decisions_total{guard="mask",stage="answer",decision="rewrite"} 1');
});

test("guards that find nothing, and none at all, give the bytes of the server", async () => {
  await start({ words: { kind: "blocklist", words: ["zzz"] }, pii: { kind: "private" } });
  const wire = async (url: string, key: string, model: string) =>
    (
      await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
        body: JSON.stringify({ ...ask("Count."), model, stream: true, stream_options: { include_usage: true } }),
      })
    ).text();
  const direct = await wire(`${upstream.url}/chat/completions`, "none", "inner");
  expect(await wire(`${gateway.url}/v1/chat/completions`, gateway.key, "chat")).toBe(direct);
  await gateway.close();
  await start({});
  expect(await wire(`${gateway.url}/v1/chat/completions`, gateway.key, "chat")).toBe(direct);
  expect(gateway.records[0]!.guards).toEqual([]);
});

test("a guard is for whom it says, and those of a stand-in hold before its server is asked", async () => {
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: {
      free: { targets: [{ upstream: "local" }] },
      chat: { targets: [{ upstream: "local" }], fallbacks: ["cloud"] },
      cloud: { targets: [{ upstream: "local" }], guards: ["pii"] },
    },
    guards: {
      default: ["words"],
      words: { kind: "blocklist", words: ["bomb"], for: { subjects: ["bob"] } },
      pii: { kind: "private", action: "block" },
    },
  });
  const status = async (model: string, content: string) => (await post({ ...ask(content), model })).status;
  expect(await status("free", "bomb ann.lee@corp-mail.com")).toBe(200);
  expect(await status("chat", "ann.lee@corp-mail.com")).toBe(400);
  expect(await status("cloud", "ann.lee@corp-mail.com")).toBe(400);
  const { routes } = gateway.gateway.config;
  expect(routes.get("chat")!.guards.map(g => g.name)).toEqual(["words", "pii"]);
});

test("behind a cache each gets its own values back, and another list of words looks at what is kept", async () => {
  const guards = { pii: { kind: "private" }, words: { kind: "blocklist", words: ["zzz"] } };
  const cache = { scope: "all", any: true };
  await start(guards, ["pii", "words"], { cache });
  upstream.script = says(["Dear <EMA", "IL_1>, bye"]);
  const said = async (mail: string, more: object = {}) => {
    const response = await post(ask(`Write to ${mail}`, more));
    return { cache: response.headers.get("x-loam-cache"), body: await jsonOf(response) };
  };
  expect((await said("ann.lee@corp-mail.com")).cache).toBe("miss");
  const second = await said("bob.ray@corp-mail.com");
  expect([second.cache, second.body.choices[0].message.content]).toEqual(["hit", "Dear bob.ray@corp-mail.com, bye"]);
  expect((await streamed(ask("Write to ann.lee@corp-mail.com"))).text).toBe("Dear ann.lee@corp-mail.com, bye");
  expect((await streamed(ask("Write to bob.ray@corp-mail.com"))).text).toBe("Dear bob.ray@corp-mail.com, bye");
  expect(upstream.received.length).toBe(2);
  const { gateway: running } = gateway;
  const others = { ...guards, words: { kind: "blocklist", words: ["bye"] } };
  const models = { chat: { targets: [{ upstream: "local", model: "inner" }], guards: ["pii", "words"] } };
  const upstreams = { local: { url: upstream.url } };
  const changed = { upstreams, models, guards: others, cache, state: "memory:", access: running.config.access, log: { to: "none" } };
  await running.reload(await checkConfig(changed, "gateway.yaml", "."), "test");
  const third = await said("bob.ray@corp-mail.com");
  expect([third.cache, third.body.choices[0]]).toMatchObject([
    "miss",
    { message: { content: "Dear bob.ray@corp-mail.com, " }, finish_reason: "content_filter" },
  ]);
});
