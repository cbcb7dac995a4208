import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { defined } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { augment } from "../augment.ts";
import { augmentOptions } from "../options.ts";
import { cachedWriter } from "./cache.ts";
import { openAiCompatible } from "./openai-compatible.ts";
import { endpointOptions } from "./options.ts";
import type { AskWriter } from "./writer.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const f of undo.splice(0).reverse()) await f();
});
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), "loam-augment-"));
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

interface Request {
  readonly headers: IncomingMessage["headers"];
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly seed: number;
  };
}
/** A real server on the loopback that answers as a test says. */
async function serve(answer: (request: Request, response: ServerResponse, number: number) => void) {
  const requests: Request[] = [];
  const server = createServer(async (incoming, response) => {
    let text = "";
    for await (const piece of incoming) text += piece;
    const request = { headers: incoming.headers, body: JSON.parse(text) };
    requests.push(request);
    answer(request, response, requests.length);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    return new Promise(resolve => server.close(resolve));
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const options = (more: object = {}) => endpointOptions.parse({ baseUrl, model: "m", backoffMs: 1, retries: 3, timeoutMs: 5000, ...more });
  return { requests, baseUrl, options };
}
const say = (response: ServerResponse, content: string | null, more: object = {}) =>
  response.end(JSON.stringify({ choices: [{ message: { content }, finish_reason: "stop" }], usage: { total_tokens: 5 }, ...more }));
const status = (response: ServerResponse, code: number, body: unknown = {}) => {
  response.statusCode = code;
  response.end(typeof body === "string" ? body : JSON.stringify(body));
};
const ask: AskWriter = { user: "hello", maxTokens: 9, temperature: 0.5, seed: 3 };

test("a request says what was asked, with the key from the environment, and the answer comes back", async () => {
  const { requests, options } = await serve((_, r) => say(r, "hi"));
  const writer = openAiCompatible(options({ keyFrom: "SOME_KEY" }), { environment: { SOME_KEY: "k1" } });
  expect(await writer.write({ ...ask, system: "be short" })).toEqual({ text: "hi", isCut: false, tokens: 5, isCached: false });
  expect(requests[0]).toMatchObject({
    headers: { authorization: "Bearer k1" },
    body: {
      model: "m",
      max_tokens: 9,
      temperature: 0.5,
      seed: 3,
      messages: [
        { role: "system", content: "be short" },
        { role: "user", content: "hello" },
      ],
    },
  });
  expect(writer.identity).not.toContain("k1");
  expect(() => openAiCompatible(options({ keyFrom: "NO_KEY" }), { environment: {} })).toThrow(
    "augment.endpoint.keyFrom: expected a key in the environment variable NO_KEY, got nothing.",
  );
});

test("failures that may pass are tried again: 500, 429, broken JSON, JSON of another kind, a cut connection", async () => {
  const { requests, options } = await serve((_, r, n) => {
    if (n === 1) status(r, 500, "oops");
    else if (n === 2) status(r, 429, { error: { message: "slow down" } });
    else if (n === 3) r.end('{"choices": [{"mess');
    else if (n === 4) r.end('{"choices": []}');
    else if (n === 5) r.destroy();
    else say(r, "at last");
  });
  expect(await openAiCompatible(options({ retries: 5 })).write(ask)).toMatchObject({ text: "at last" });
  expect(requests).toHaveLength(6);
});

test("a server that answers with errors without end is told with the attempts and what it said last", async () => {
  const { requests, options, baseUrl } = await serve((_, r) =>
    status(r, 503, { error: { message: "model is loading; api_key=sk-12345678abc" } }),
  );
  const error = await openAiCompatible(options())
    .write(ask)
    .catch(e => e as Error);
  expect(error).toMatchObject({ code: "data/upstream", exitCode: 3 });
  expect((error as Error).message).toMatch(
    /\/v1\/chat\/completions \(m\): expected an answer, got status 503: model is loading; .*, after 4 attempts\./,
  );
  expect((error as Error).message).not.toContain("12345678abc");
  expect((error as Error).message).toContain(baseUrl);
  expect(requests).toHaveLength(4);
});

test("what will not pass is told at once: a wrong key, a model that is not there, a redirect is no answer", async () => {
  for (const code of [401, 403, 404]) {
    const { requests, options } = await serve((_, r) => status(r, code, { error: { message: "no such thing" } }));
    await expect(openAiCompatible(options()).write(ask)).rejects.toThrow(
      `got status ${code}: no such thing. Check baseUrl, model and key.`,
    );
    expect(requests).toHaveLength(1);
  }
});

test("a server that is not there and one that never answers are told", async () => {
  const nobody = endpointOptions.parse({ baseUrl: "http://127.0.0.1:9/v1", model: "m", retries: 1, backoffMs: 1 });
  await expect(openAiCompatible(nobody).write(ask)).rejects.toThrow(
    /expected an answer, got .*(ECONNREFUSED|bad port).*, after 2 attempts/,
  );
  const { options } = await serve(() => {});
  await expect(openAiCompatible(options({ timeoutMs: 40, retries: 1 })).write(ask)).rejects.toThrow(
    "got nothing within 40 ms, after 2 attempts",
  );
});

test("a signal stops a request that hangs", async () => {
  const stop = new AbortController();
  const { options } = await serve(() => stop.abort(new Error("stopped")));
  await expect(openAiCompatible(options(), { signal: stop.signal }).write(ask)).rejects.toThrow("stopped");
});

test("an answer that was cut by maxTokens says so, an answer of nothing is empty, an endless one is refused", async () => {
  const { options } = await serve((_, r, n) => {
    if (n === 1) r.end(JSON.stringify({ choices: [{ message: { content: "half a" }, finish_reason: "length" }] }));
    else if (n === 2) say(r, null);
    else r.end(`{"x": "${"y".repeat(9 << 20)}"}`);
  });
  const writer = openAiCompatible(options());
  expect(await writer.write(ask)).toEqual({ text: "half a", isCut: true, tokens: 0, isCached: false });
  expect(await writer.write(ask)).toMatchObject({ text: "", isCut: false });
  await expect(writer.write(ask)).rejects.toThrow("an answer of more than 8388608 bytes");
});

test("cache: a request is asked once, in this run and the next; another model, seed or text is another request", async () => {
  const { requests, options } = await serve((request, r, n) => say(r, `${request.body.messages.at(-1)!.content} ${n}`));
  const path = folder();
  const writer = () => cachedWriter(openAiCompatible(options()), path);
  const first = writer();
  const both = await Promise.all([first.write(ask), first.write(ask)]);
  expect(both.map(a => [a.text, a.isCached])).toEqual([
    ["hello 1", false],
    ["hello 1", true],
  ]);
  expect(await writer().write(ask)).toMatchObject({ text: "hello 1", isCached: true, tokens: 5 });
  expect(requests).toHaveLength(1);
  await writer().write({ ...ask, seed: 4 });
  await writer().write({ ...ask, user: "else" });
  await cachedWriter(openAiCompatible(options({ model: "n" })), path).write(ask);
  expect(requests).toHaveLength(4);
});

test("cache: a damaged file is asked for anew, and no file holds the question or the key", async () => {
  const { requests, options } = await serve((_, r) => say(r, "fine"));
  const path = folder();
  const writer = cachedWriter(openAiCompatible(options({ keyFrom: "K" }), { environment: { K: "secret-key" } }), path);
  await writer.write({ ...ask, user: "my private question" });
  const [file] = readdirSync(path, { recursive: true, encoding: "utf8" }).filter(f => f.endsWith(".json"));
  expect(readFileSync(join(path, file!), "utf8")).not.toMatch(/private|secret/);
  for (const damage of ["", '{"format":1,"te', "null"]) {
    writeFileSync(join(path, file!), damage);
    expect(await writer.write({ ...ask, user: "my private question" })).toMatchObject({ text: "fine", isCached: false });
  }
  expect(requests).toHaveLength(4);
});

const document = (i: number): Document => ({
  id: `d:${i}`,
  text: `The meeting number ${i} is on Friday at 10:30 in the green room, and Ann brings the keys for the door of the house.`,
  source: "d",
  attributes: {},
});
const documents = Array.from({ length: 12 }, (_, i) => document(i));
async function gather(options: object, cache?: string) {
  const augmentation = augment(augmentOptions.parse({ maxShare: 0.9, ...options }), {
    documents: () => documents,
    heldOut: () => [],
    ...defined({ cache }),
  });
  const made: Document[] = [];
  for await (const d of augmentation.documents) made.push(d);
  return { made, report: augmentation.report() };
}

test("paraphrase: copies, other texts, lost and invented numbers, cut and empty answers are refused by name", async () => {
  const answers = (text: string, i: number): string =>
    [
      text,
      "Something else entirely, about nothing that was said before, with no word of it, 1 and 10:30, in full",
      text.replace("10:30", "half past ten").replace("green", "large green"),
      `${text.replace("is on", "will be held on")} Call 555.`,
      "",
      text.replace("is on Friday at", "takes place Friday,").replace("brings", "has"),
      `${text} ${"yes we all know ".repeat(6)}held`,
    ][i % 7]!;
  const { options } = await serve((request, r) => {
    const text = request.body.messages.at(-1)!.content.split("\n\n").at(-1)!;
    say(r, answers(text, Number(/number (\d+)/.exec(text)![1])));
  });
  const { made, report } = await gather({ methods: [{ method: "paraphrase" }], endpoint: options() });
  expect(made.map(d => d.id)).toEqual(["d:5+paraphrase.1"]);
  expect(made[0]!.attributes.similarity).toBeGreaterThan(0.6);
  expect(report.rows[0]!.rejected).toEqual({ "too-like": 2, unlike: 2, "fact-lost": 2, "fact-new": 2, empty: 2, repeats: 1 });
});

test("questions: an answer must stand in the text and be given again; a fence and words around the list are read", async () => {
  const { requests, options } = await serve((request, r) => {
    const content = request.body.messages.at(-1)!.content;
    if (content.startsWith("Write")) {
      const pairs = [
        { question: "When is it?", answer: "on Friday" },
        { question: "Who brings the keys?", answer: "Ann" },
        { question: "Where is it?", answer: "in the blue room" },
      ];
      say(r, `Sure:\n\`\`\`json\n${JSON.stringify(pairs)}\n\`\`\``);
    } else say(r, content.includes("Who") ? "Bob" : "On Friday.");
  });
  const { made, report } = await gather({ methods: [{ method: "questions" }], endpoint: options() });
  expect(made).toHaveLength(12);
  expect(made[0]).toMatchObject({
    text: `${documents[0]!.text}\n\nQuestion: When is it?\nAnswer: on Friday`,
    attributes: { pairs: 1, augmentedFrom: "d:0" },
  });
  // Of each document: the pairs, and twice again; the third answer stands nowhere and is not asked about.
  expect(requests).toHaveLength(36);
  expect(report.requests).toEqual({ asked: 36, cached: 0, refused: 0, tokens: 180 });
});

test("questions: answers without pairs are refused, whatever they are", async () => {
  const bad = ["no idea", "[1, 2]", '[{"question": "", "answer": "x"}]', "]["];
  const { options } = await serve((_, r, n) => say(r, bad[n % 4]!));
  const { made, report } = await gather({ methods: [{ method: "questions" }], endpoint: options({ concurrency: 1 }) });
  expect(made).toEqual([]);
  expect(report.rows[0]!.rejected).toEqual({ "no-pairs": 12 });
});

test("a run that died goes on from the answers it had, and gives what an undisturbed run gives", async () => {
  const textOf = (request: Request) => request.body.messages.at(-1)!.content.split("\n\n").at(-1)!;
  const numberOf = (request: Request) => Number(/number (\d+)/.exec(textOf(request))![1]);
  let down = true;
  const { requests, options } = await serve((request, r) => {
    if (down && numberOf(request) >= 5) status(r, 500);
    else {
      const text = textOf(request);
      say(r, text.replace("is on Friday at", "takes place Friday,").replace("brings", `has ${"ab"[request.body.seed % 2]}`));
    }
  });
  const cache = folder();
  const whole = { methods: [{ method: "paraphrase" }], endpoint: options({ retries: 0, concurrency: 2 }) };
  await expect(gather(whole, cache)).rejects.toMatchObject({ code: "data/upstream" });
  down = false;
  const asked = requests.length;
  expect(asked).toBeGreaterThan(5);
  const resumed = await gather(whole, cache);
  // a set, since what the first run broke off may reach the server late
  expect(new Set(requests.slice(asked).map(numberOf))).toEqual(new Set([5, 6, 7, 8, 9, 10, 11]));
  expect(resumed.report.requests).toMatchObject({ asked: 7, cached: 5 });
  expect((await gather(whole, folder())).made).toEqual(resumed.made);
  const again = requests.length;
  expect((await gather(whole, cache)).made).toEqual(resumed.made);
  expect(requests).toHaveLength(again);
});

test("a document that the server refuses is left out by name; where it refuses all, the run ends and says why", async () => {
  const refuse = (response: ServerResponse) => status(response, 400, { error: { message: "context of 128 tokens" } });
  const some = await serve((request, r) => {
    const text = request.body.messages.at(-1)!.content.split("\n\n").at(-1)!;
    if (/number [37] /.test(text)) refuse(r);
    else say(r, text.replace("is on Friday at", "takes place Friday,").replace("brings", "has"));
  });
  const cache = folder();
  const { made, report } = await gather({ methods: [{ method: "paraphrase" }], endpoint: some.options() }, cache);
  expect(made).toHaveLength(10);
  expect(report).toMatchObject({ rows: [{ rejected: { refused: 2 } }], requests: { asked: 10, refused: 2 } });
  // What was refused is asked again, since a server may have learnt to answer it.
  expect((await gather({ methods: [{ method: "paraphrase" }], endpoint: some.options() }, cache)).report.requests).toMatchObject({
    cached: 10,
    refused: 2,
  });
  const all = await serve((_, r) => refuse(r));
  await expect(gather({ methods: [{ method: "questions" }], endpoint: all.options() })).rejects.toThrow(
    /augment\.endpoint \(m\): expected answers, got \d+ refusals and no answer, the last with status 400: context of 128 tokens/,
  );
  expect(all.requests.length).toBeLessThan(12);
});
