/** A guard that asks a server: a real one, also one that is slow, broken or gone. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../../config/read-config.ts";
import { type FakeUpstream, fakeUpstream, good, type Script, type TestGateway, testGateway } from "../../fakes.ts";
import { jsonOf, readChunks, says } from "../fakes.ts";

let upstream: FakeUpstream;
let judge: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  judge = await fakeUpstream(decides({ decision: "allow" }));
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  await judge.close();
  expect(gateway.failures).toEqual([]);
});

function decides(value: unknown): Script {
  return (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(typeof value === "string" ? value : JSON.stringify(value));
  };
}
/** Blocks texts with "bad", writes "x" for "y". */
const reads: Script = (received, response) => {
  const texts = received.body.texts as string[];
  if (texts.some(t => t.includes("bad"))) return decides({ decision: "block", reason: "no bad things" })(received, response);
  if (texts.some(t => t.includes("y")))
    return decides({ decision: "rewrite", texts: texts.map(t => t.replaceAll("y", "x")) })(received, response);
  return decides({ decision: "allow" })(received, response);
};

const start = async (more: object = {}) => {
  const judged = { kind: "webhook", url: `${judge.url}/judge`, window: 50, ...more };
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }], guards: ["judge"] } },
    retries: { attempts: 0 },
    guards: { judge: judged },
  });
};
const ask = (content: string, more: object = {}) => ({ model: "chat", messages: [{ role: "user", content }], ...more });
const post = (body: object) => gateway.post("/v1/chat/completions", body);
const streamed = async (content: string) => readChunks(await (await post(ask(content, { stream: true }))).text());

test("it is told who asks what, with its own headers, and its decision is done", async () => {
  judge.script = reads;
  process.env.JUDGE_KEY = "judge-secret";
  await start({ headers: { authorization: { env: "JUDGE_KEY" } }, on: ["request"] });
  upstream.script = says(["ok"]);
  expect((await post(ask("why"))).status).toBe(200);
  expect((upstream.received[0]!.body.messages as { content: string }[])[0]!.content).toBe("whx");
  const { headers, body, path } = judge.received[0]!;
  expect(path).toBe("/v1/judge");
  expect(headers.authorization).toBe("judge-secret");
  expect(body).toEqual({
    version: 1,
    guard: "judge",
    stage: "request",
    request: {
      id: gateway.records[0]!.id,
      model: "chat",
      endpoint: "chat",
      key: gateway.records[0]!.key,
      subject: "ann",
      teams: [],
      organisation: null,
    },
    texts: ["why"],
  });
  const refused = await post(ask("a bad thing"));
  expect([refused.status, (await jsonOf(refused)).error.message]).toEqual([400, expect.stringContaining("no bad things")]);
  expect(upstream.received.length).toBe(1);
  expect(JSON.stringify(gateway.records)).not.toContain("judge-secret");
});

test("an answer that is no stream is asked about at once", async () => {
  judge.script = reads;
  await start({ on: ["answer"] });
  upstream.script = says(["why? ".repeat(100)]);
  const { choices } = await jsonOf(await post(ask("Say.")));
  expect(choices[0].message.content).toBe("whx? ".repeat(100));
  expect(judge.received.map(r => (r.body.texts as string[])[0]!.length)).toEqual([500]);
  expect(judge.received[0]!.body).toMatchObject({ stage: "answer", form: "text", before: "" });
});

test("a streamed answer is asked about by windows, the same however it is cut; none leaves before it was allowed", async () => {
  judge.script = reads;
  await start({ on: ["answer"] });
  const answer = `${"a long way to say nothing, ".repeat(5)}then something bad, and more of it afterwards`;
  upstream.script = says([answer]);
  const whole = await streamed("Say.");
  expect(whole.reason).toBe("content_filter");
  expect(whole.text).not.toMatch(/bad|y/);
  expect(answer.replaceAll("y", "x").startsWith(whole.text)).toBe(true);
  expect(whole.text.length).toBe(Math.floor(answer.indexOf("bad") / 50) * 50);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: answer.length }), { maxLength: 8 }), async cuts => {
      const at = [0, ...cuts.sort((a, b) => a - b), answer.length];
      upstream.script = says(at.slice(1).map((to, i) => answer.slice(at[i], to)));
      expect((await streamed("Say.")).text).toBe(whole.text);
    }),
    { numRuns: 10 },
  );
});

const broken: Record<string, Script> = {
  "says 500": (_, response) => void response.writeHead(500).end(),
  "says nothing": () => {},
  "closes the connection": (_, response) => void response.destroy(),
  "says no JSON": decides("<html>"),
  "says no decision": decides({ allowed: true }),
  "rewrites another number of texts": decides({ decision: "rewrite", texts: [] }),
  "answers with a redirect": (_, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
};
for (const [fault, script] of Object.entries(broken))
  for (const onFailure of ["closed", "open"])
    test(`a server that ${fault}: ${onFailure}`, async () => {
      judge.script = script;
      await start({ onFailure, timeout: "300ms" });
      upstream.script = says(["hello"]);
      const response = await post(ask("Hi"));
      if (onFailure === "open") {
        expect((await jsonOf(response)).choices[0].message.content).toBe("hello");
        expect(gateway.records[0]!.guards).toEqual(["judge request open", "judge answer open"]);
        expect(response.headers.get("x-loam-guard")).toBeNull();
      } else {
        expect([response.status, response.headers.get("x-loam-guard")]).toEqual([503, "judge"]);
        expect((await jsonOf(response)).error.message).toContain("guard judge");
        expect(upstream.received).toEqual([]);
        expect(gateway.records[0]).toMatchObject({
          status: 503,
          guards: ["judge request closed"],
          detail: expect.stringMatching(/^its server/),
        });
      }
    });

test("a dead server in mid-stream: closed ends with an error event and nothing unseen, open goes on", async () => {
  upstream.script = says(["w".repeat(60), "z"]);
  await start({ onFailure: "closed", on: ["answer"] });
  await judge.close();
  const closed = await streamed("Say.");
  expect(closed).toMatchObject({ text: "", error: { code: "service_unavailable" } });
  expect(gateway.records[0]).toMatchObject({ status: 200, error: "gateway/unavailable" });
  const whole = await post(ask("Say."));
  expect(whole.status).toBe(503);
  expect(gateway.records[1]).toMatchObject({ status: 503, error: "gateway/unavailable" });
  await gateway.close();
  await start({ onFailure: "open", on: ["answer"] });
  expect(await streamed("Say.")).toMatchObject({ text: `${"w".repeat(60)}z`, error: undefined, reason: "stop" });
  expect(gateway.gateway.inFlight).toBe(0);
});

test("addresses that upstreams may not have are refused for it too, in the file and by their name", async () => {
  await start();
  const config = (url: string, more: object = {}) =>
    checkConfig(
      {
        upstreams: { local: { url: upstream.url } },
        models: { chat: { targets: [{ upstream: "local" }] } },
        guards: { judge: { kind: "webhook", url, ...more } },
      },
      "gateway.yaml",
      ".",
    );
  await expect(config("http://169.254.169.254/latest")).rejects.toThrow("guards.judge.url");
  await expect(config("file:///etc/passwd")).rejects.toThrow("only http and https");
  await expect(config("http://user:pw@judge.example/")).rejects.toThrow("user or password");
  await expect(config("http://127.0.0.1:1/", { network: "public" })).rejects.toThrow("private");
  const inside = createServer((_, response) => void response.end('{"decision":"allow"}'));
  await new Promise<void>(resolve => inside.listen(0, "127.0.0.1", resolve));
  await gateway.close();
  await start({ url: `http://localhost:${(inside.address() as AddressInfo).port}/`, network: "public" });
  expect((await post(ask("Hi"))).status).toBe(503);
  inside.close();
});
