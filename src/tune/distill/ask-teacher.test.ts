/**
 * A teacher asked over HTTP, in each of the forms that servers have, by a server here that knows its distributions; a real server of Loam's is asked in
 * `test/tune-endpoint.test.ts`.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { random, silent } from "../../base/index.ts";
import { trainBpe } from "../../text/index.ts";
import type { Encoded } from "../instruct/encode.ts";
import { askTeacher } from "./ask-teacher.ts";
import { teacherAt } from "./teacher-endpoint.ts";

const root = mkdtempSync(join(tmpdir(), "loam-ask-teacher-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const tokenizer = trainBpe(["the cat sat on the mat, and the dog on the log"], { vocab: 280, minFrequency: 1 });
const other = trainBpe(["der Hund und die Katze sitzen auf der Matte"], { vocab: 280, minFrequency: 1 });
const vocab = tokenizer.vocabSize;

/** The likeliest tokens behind a text that begins so: a function of it. */
function outcomes(prefix: readonly number[], top: number): [number, number][] {
  const draw = random(prefix.join());
  const weights = Array.from({ length: vocab }, () => draw.uniform() ** 8);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights
    .map((w, id): [number, number] => [id, Math.log(w / sum)])
    .sort((a, b) => b[1] - a[1])
    .slice(0, top);
}
const logOf = (prefix: readonly number[], id: number): number => outcomes(prefix, vocab).find(o => o[0] === id)![1];

type Form = "loam" | "vllm" | "llama.cpp" | "texts";
interface Body {
  readonly prompt: number[];
  readonly input: number[][];
  readonly tokens: number[];
  readonly top_logprobs: number;
  readonly prompt_logprobs?: number;
  readonly logprobs?: number;
}
/** What each form answers; undefined where it does not know the address. */
function answerOf(form: Form, path: string, b: Body, spoken: typeof tokenizer): object | undefined {
  if (path === "/detokenize") return form === "llama.cpp" ? { content: spoken.decode(b.tokens) } : { prompt: spoken.decode(b.tokens) };
  const entry = ([id, logprob]: readonly [number, number]) => ({ id, token: spoken.decode([id]), logprob });
  if (path === "/v1/score" && form === "loam")
    return {
      data: b.input.map(ids => ({
        tokens: ids.map((id, i) => {
          const prefix = [...b.prompt, ...ids.slice(0, i)];
          return { ...entry([id, logOf(prefix, id)]), top_logprobs: outcomes(prefix, b.top_logprobs).map(entry) };
        }),
      })),
    };
  if (path !== "/v1/completions") return undefined;
  if (form === "vllm")
    return {
      choices: [
        {
          text: "",
          prompt_logprobs: b.prompt.map((id, at) => {
            if (at === 0) return null;
            const prefix = b.prompt.slice(0, at);
            const all = [...outcomes(prefix, b.prompt_logprobs!), [id, logOf(prefix, id)] as const];
            return Object.fromEntries(all.map(([i, logprob]) => [String(i), { logprob, rank: 1, decoded_token: spoken.decode([i]) }]));
          }),
        },
      ],
    };
  const top = outcomes(b.prompt, b.logprobs ?? 1);
  if (form === "llama.cpp") return { choices: [{ logprobs: { content: [{ ...entry(top[0]!), top_logprobs: top.map(entry) }] } }] };
  return { choices: [{ logprobs: { top_logprobs: [Object.fromEntries(top.map(([id, l]) => [spoken.decode([id]), l]))] } }] };
}

const bodyOf = async (request: IncomingMessage): Promise<Body> => {
  let text = "";
  for await (const piece of request) text += String(piece);
  return JSON.parse(text) as Body;
};

interface Served {
  url: string;
  asked: string[];
  /** Most requests at once. */
  most: number;
  fingerprint: string | undefined;
  /** A status and headers instead of the next answers. */
  refusals: { readonly status: number; readonly headers?: Record<string, string> }[];
  /** Answers so many and then closes every connection. */
  dies: number;
  keys: (string | undefined)[];
}
async function serve(form: Form, spoken = tokenizer): Promise<Served> {
  let running = 0;
  const s: Served = { url: "", asked: [], most: 0, fingerprint: undefined, refusals: [], dies: Number.POSITIVE_INFINITY, keys: [] };
  const server = createServer(async (request, response) => {
    s.most = Math.max(s.most, ++running);
    const body = await bodyOf(request);
    await new Promise(resolve => setTimeout(resolve, 2));
    running--;
    if (s.asked.length >= s.dies) return void request.socket.destroy();
    s.asked.push(request.url!);
    s.keys.push(request.headers.authorization);
    const refusal = s.refusals.shift();
    const found = refusal ? undefined : answerOf(form, request.url!, body, spoken);
    response
      .writeHead(refusal?.status ?? (found ? 200 : 404), { "content-type": "application/json", ...refusal?.headers })
      .end(JSON.stringify(found ? { system_fingerprint: s.fingerprint, ...found } : { error: { message: "not here" } }));
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  s.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return s;
}

const texts = ["the cat sat", "the dog on the log", "and the mat, the cat", "on the log sat the dog"];
const examples: Encoded[] = texts.map((t, i) => {
  const ids = tokenizer.encode(t);
  return { place: `t:${i + 1}`, ids, trained: Uint8Array.from(ids, (_, k) => Number(k >= 2)), cut: 0 };
});
const trainedIn = (e: Encoded): number => e.trained.reduce((a, b) => a + b, 0);
const at = (url: string, more: object = {}) => teacherAt({ url, model: "m", topLogprobs: 5, retryMs: 1, ...more });
let files = 0;
const fileOf = (): string => join(root, `${files++}.jsonl`);
const ask = (teacher: ReturnType<typeof at>, file: string, list = examples) =>
  askTeacher({ teacher, file, examples: list, vocab, tokenizer, progress: silent });

test("every form tells the same of the same texts", async () => {
  const told: (readonly [number, number][][])[] = [];
  for (const form of ["loam", "vllm", "llama.cpp"] as const) {
    const targets = await ask(at((await serve(form)).url), fileOf());
    told.push(
      examples.map(e => {
        const { ids, logs, width } = targets.get(e)!;
        expect(ids.length).toBe(trainedIn(e) * width);
        return Array.from({ length: trainedIn(e) }, (_, row): [number, number] => [ids[row * width]!, logs[row * width]!]);
      }),
    );
    for (const e of examples) {
      const { ids, logs, width } = targets.get(e)!;
      // the likeliest five of each place, as the server knows them
      const first = outcomes([...e.ids.slice(0, 2)], 5);
      expect([...ids.slice(0, 5)]).toEqual(first.map(o => o[0]));
      for (const [k, [, log]] of first.entries()) expect(logs[k]).toBeCloseTo(log, 5);
      expect(width).toBeGreaterThanOrEqual(5);
    }
  }
  expect(told[1]).toEqual(told[0]);
  expect(told[2]).toEqual(told[0]);
});

test("answers are kept by content: nothing is asked twice, a torn line and other weights are asked again", async () => {
  const server = await serve("loam");
  const file = fileOf();
  const first = await ask(at(server.url), file);
  const requests = server.asked.length;
  expect(await ask(at(server.url), file)).toEqual(first);
  // not even whether the server is there
  expect(server.asked.length).toBe(requests);
  const lines = readFileSync(file, "utf8");
  expect(lines.split("\n").filter(Boolean)).toHaveLength(texts.length);
  writeFileSync(file, lines.slice(0, -20));
  expect(await ask(at(server.url), file)).toEqual(first);
  expect(server.asked.slice(requests).filter(p => p === "/v1/score")).toHaveLength(2);
  // what lies in the file after the torn line can be read
  appendFileSync(file, "");
  const now = server.asked.length;
  expect(await ask(at(server.url), file)).toEqual(first);
  expect(server.asked.length).toBe(now);
  // another text is asked alone, unless the weights behind the name are others
  const more = [...examples, { ...examples[0]!, trained: examples[0]!.trained.map((_, k) => Number(k >= 1)) }];
  await ask(at(server.url), file, more);
  expect(server.asked.slice(now).filter(p => p === "/v1/score")).toHaveLength(2);
  server.fingerprint = "others";
  const last = server.asked.length;
  await ask(at(server.url), file, [...more, { ...examples[1]!, trained: examples[1]!.trained.map((_, k) => Number(k >= 1)) }]);
  expect(server.asked.slice(last).filter(p => p === "/v1/score")).toHaveLength(1 + more.length + 1);
});

test("a server that dies in the middle is an error that says so, and what it told is kept", async () => {
  const server = await serve("loam");
  const file = fileOf();
  server.dies = 4;
  await expect(ask(at(server.url, { concurrency: 1 }), file)).rejects.toThrow(
    /expected an answer, got .*Is the server there\? What it has answered is kept/s,
  );
  const kept = readFileSync(file, "utf8").split("\n").filter(Boolean).length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(texts.length);
  server.dies = Number.POSITIVE_INFINITY;
  const before = server.asked.length;
  await ask(at(server.url), file);
  // the rest, and one to learn the form
  expect(server.asked.slice(before).filter(p => p === "/v1/score")).toHaveLength(texts.length - kept + 1);
});

test("tokens that are not the student's are refused before anything is kept: the first that differs is named", async () => {
  const server = await serve("vllm", other);
  const file = fileOf();
  const first = Array.from({ length: vocab }, (_, id) => id).find(id => tokenizer.decode([id]) !== other.decode([id]))!;
  await expect(ask(at(server.url), file)).rejects.toThrow(
    `expected the student's tokens, got token ${first} is ${JSON.stringify(other.decode([first]))}, the student's ${JSON.stringify(tokenizer.decode([first]))}`,
  );
  expect(server.asked.every(p => p === "/detokenize")).toBe(true);
});

test("a server that names tokens by their texts is no teacher, and each way is told with its refusal", async () => {
  const server = await serve("texts");
  await expect(ask(at(server.url), fileOf())).rejects.toThrow(
    /expected log-probabilities of given tokens by their ids .*got score: 404 not here; completions with prompt_logprobs: .*; completions with logprobs: /,
  );
});

test("busy servers are asked again, refused keys are not, requests at once are bounded, and no key is in an error", async () => {
  const server = await serve("loam");
  server.refusals = [{ status: 503 }, { status: 429, headers: { "retry-after": "0.01" } }];
  await ask(at(server.url, { concurrency: 2, key: "secret-value" }), fileOf());
  expect(server.most).toBeLessThanOrEqual(2);
  expect(new Set(server.keys)).toEqual(new Set(["Bearer secret-value"]));
  const asked = server.asked.length;
  server.refusals = [{ status: 401 }];
  const refused = await ask(at(server.url, { key: "secret-value" }), fileOf()).catch((e: Error) => e.message);
  expect(refused).toMatch(/expected a key that may ask it, got 401 not here.*`key:` names the variable/);
  expect(refused).not.toContain("secret-value");
  expect(server.asked.length).toBe(asked + 1);
});
