/** Guards that ask a model of the gateway: a moderation model and a judging chat model behind real HTTP. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../../config/read-config.ts";
import { type FakeUpstream, fakeUpstream, type Script, type TestGateway, testGateway } from "../../fakes.ts";
import { jsonOf, readChunks, says } from "../fakes.ts";
import { checkedClaims } from "../llm-judge/prompts.ts";
import { classifiedOf, decisionOn } from "./classifier.ts";

let upstream: FakeUpstream;
let moderator: FakeUpstream;
let gateway: TestGateway;
const classes = (text: string) => ({ threat: text.includes("kill you") ? 0.9 : 0.1, insult: text.includes("moron") ? 0.7 : 0.05 });
const moderates: Script = ({ body }, response) => {
  const texts = body.input as string[];
  response.writeHead(200, { "content-type": "application/json" });
  const results = texts.map(text => {
    const scores = classes(text);
    return {
      flagged: scores.threat > 0.5,
      categories: { threat: scores.threat > 0.5, insult: scores.insult > 0.5 },
      category_scores: scores,
    };
  });
  response.end(JSON.stringify({ id: "modr-1", model: "m", results }));
};
beforeEach(async () => {
  upstream = await fakeUpstream(says(["fine"]));
  moderator = await fakeUpstream(moderates);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  await moderator.close();
  expect(gateway.failures).toEqual([]);
});

const start = async (guard: object, script: Script = moderates) => {
  moderator.script = script;
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url }, own: { url: moderator.url } },
    models: {
      chat: { targets: [{ upstream: "local", model: "inner" }], guards: ["watch"] },
      guardian: { targets: [{ upstream: "own", model: "m" }] },
    },
    retries: { attempts: 0 },
    guards: { watch: { model: "guardian", ...guard } },
  });
};
const post = (content: string, more: object = {}) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content }], ...more });
const lines = () => gateway.records.flatMap(r => r.guards ?? []);

test("what a category holds of is blocked, by its name and not by its text", async () => {
  await start({ kind: "classifier" });
  expect((await post("good day")).status).toBe(200);
  const refused = await post("I will kill you");
  expect([refused.status, (await jsonOf(refused)).error]).toEqual([
    400,
    expect.objectContaining({ code: "content_policy_violation", message: expect.stringContaining("classified as threat") }),
  ]);
  expect(upstream.received.length).toBe(1);
  expect(lines()).toContain("watch request threat 0.90");
  expect(JSON.stringify(gateway.records)).not.toContain("kill");
});

test("disguised texts are classified by their plain reading", async () => {
  await start({ kind: "classifier" });
  for (const text of [
    "I will k1ll you",
    "I will k\u200bill you",
    Buffer.from("I will kill you, my friend").toString("base64"),
    "I will k<b></b>ill you",
  ])
    expect([text, (await post(text)).status]).toEqual([text, 400]);
});

test("thresholds and actions are each category's own, and a flag passes", async () => {
  await start({
    kind: "classifier",
    action: "flag",
    categories: { threat: { threshold: 0.95 }, insult: { threshold: 0.6, action: "block" } },
  });
  expect((await post("I will kill you")).status).toBe(200);
  expect((await post("you moron")).status).toBe(400);
});

test("a stream ends before the window that a category holds of, and its context is classified with it", async () => {
  await start({ kind: "classifier", on: ["answer"], window: 50 });
  upstream.script = says([
    "All is well, and all manner of thing shall be well. ",
    "I will ki",
    "ll you tomorrow, said the wolf to the lamb, and then more",
  ]);
  const said = readChunks(await (await post("a tale", { stream: true })).text());
  expect(said.reason).toBe("content_filter");
  expect(said.text).not.toContain("kill");
  expect(said.wire).not.toContain("ki");
  const whole = await jsonOf(await post("a tale"));
  expect(whole.choices[0]).toMatchObject({ finish_reason: "content_filter" });
});

test("a long text is classified in windows: none of it is out of sight", async () => {
  await start({ kind: "classifier" });
  for (const at of [0, 3_990, 7_495, 60_000])
    expect((await post(`${"x ".repeat(at / 2)}I will kill you${" y".repeat(5_000)}`)).status).toBe(400);
  expect((await post("x ".repeat(30_000))).status).toBe(200);
});

test("requests at the same time are classified together, each by its own text", async () => {
  await start({ kind: "classifier", on: ["request"] }, (received, response) => void setTimeout(() => moderates(received, response), 30));
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => post(i % 3 === 0 ? `kill you ${i}` : `hello ${i}`)));
  expect(all.map(r => r.status)).toEqual(Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 400 : 200)));
  expect(moderator.received.length).toBeLessThan(40);
});

test.each<[string, Script]>([
  ["is gone", (_, response) => void response.destroy()],
  ["says nonsense", (_, response) => void response.end("{}")],
  [
    "says too little",
    (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ results: [] }));
    },
  ],
])("a model that %s: closed refuses, open lets pass and says so", async (_, script) => {
  await start({ kind: "classifier" }, script);
  expect((await post("good day")).status).toBe(503);
  expect(upstream.received.length).toBe(0);
  await gateway.close();
  await start({ kind: "classifier", onFailure: "open" }, script);
  expect((await post("good day")).status).toBe(200);
  expect(lines()).toContain("watch request open");
});

test("a category that the model does not tell is a failure, not a pass", () => {
  const part = { threshold: undefined, action: "block", categories: { thread: {} } } as const;
  expect(() => decisionOn(part, [{ scores: { threat: 0.1 }, held: { threat: false } }])).toThrow('no category "thread"');
  expect(() => classifiedOf({ results: [{ categories: {} }] }, 1)).toThrow("no categories and scores");
});

test("a guard whose model the gateway has not is refused with the file", async () => {
  await start({ kind: "classifier" });
  const file = { upstreams: { a: { url: "http://127.0.0.1:1" } }, models: { chat: { targets: [{ upstream: "a" }] } } };
  await expect(checkConfig({ ...file, guards: { g: { kind: "classifier", model: "chatt" } } }, "f", ".")).rejects.toThrow(
    /guards\.g\.model.*"?chatt/s,
  );
  await expect(checkConfig({ ...file, guards: { g: { kind: "judge", model: "chat" } } }, "f", ".")).rejects.toThrow(
    /a rule, for checks: rubric/,
  );
});

const judgement =
  (said: (data: { text?: string; response?: string; documents?: { document: string }[] }) => unknown): Script =>
  (received, response) => {
    const [, user] = received.body.messages as { content: string }[];
    says([JSON.stringify(said(JSON.parse(user!.content)))])(received, response);
  };

test("a rule is judged of requests and of responses, by the model's verdict alone", async () => {
  await start(
    { kind: "judge", rubric: "No talk of the competition." },
    judgement(({ text }) => ({ reason: "", verdict: text!.includes("Acme") ? "fail" : "pass" })),
  );
  expect((await post("What of Acme?")).status).toBe(400);
  expect((await post("What of us?")).status).toBe(200);
  upstream.script = says(["Acme ", "is better"]);
  const said = readChunks(await (await post("Who is better?", { stream: true })).text());
  expect([said.reason, said.text]).toEqual(["content_filter", ""]);
  const asked = moderator.received[0]!.body as { messages: { role: string }[]; response_format: { type: string }; temperature: number };
  expect([asked.messages.map(m => m.role), asked.response_format.type, asked.temperature]).toEqual([["system", "user"], "json_schema", 0]);
});

test("claims are checked against the documents that came; without any the log says so", async () => {
  const supported = judgement(({ response, documents }) => ({
    claims: response!
      .split(". ")
      .map(claim => ({ claim, document: 0, supported: documents!.some(d => d.document.includes(claim.replace(".", ""))) })),
  }));
  await start({ kind: "judge", checks: "groundedness", on: ["answer"] }, supported);
  const documents = [{ title: "Town", text: "The bridge was built in 1901. The river is the Aare." }];
  upstream.script = says(["The bridge was built in 1901. ", "The river is the Aare."]);
  expect(await jsonOf(await post("When?", { documents }))).toMatchObject({ choices: [{ finish_reason: "stop" }] });
  upstream.script = says(["The bridge was built in 1911. ", "The river is the Aare."]);
  expect(await jsonOf(await post("When?", { documents }))).toMatchObject({ choices: [{ finish_reason: "content_filter" }] });
  expect(await jsonOf(await post("When?"))).toMatchObject({ choices: [{ finish_reason: "stop" }] });
  expect(lines()).toEqual(expect.arrayContaining(["watch answer 1 of 2 claims unsupported", "watch answer not checked"]));
});

test("a document that there is not supports nothing", () => {
  const answer = (claims: unknown) => ({ choices: [{ message: { content: JSON.stringify({ claims }) } }] });
  const claim = (document: unknown, supported = true) => ({ claim: "c", document, supported });
  expect(checkedClaims(answer([claim(0), claim(2), claim(null), claim(-1), claim(1, false)]), 2)).toEqual({ claims: 5, unsupported: 4 });
  expect(() => checkedClaims(answer([{ claim: "c" }]), 2)).toThrow("whether it is supported");
  expect(() => checkedClaims({ choices: [{ message: { content: "Sure! {" } }] }, 2)).toThrow("did not answer with JSON");
});
