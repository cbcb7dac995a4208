import { afterAll, expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createEngine } from "../engine.ts";
import { byteTokenizer, fakeEndToken, tinyModel } from "../fakes.ts";
import type { GenerationRequest } from "../generation.ts";
import { createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({ model: await tinyModel(device), device, slots: 4 });
await engine.ready;
const app = createApp({ engines: [engine] });
afterAll(() => engine.close());

/** The parts of answers that are looked at. */
interface Wire {
  readonly choices: readonly { readonly text: string; readonly logprobs: unknown; readonly message: { readonly content: string } }[];
  readonly usage: { readonly completion_tokens: number; readonly prompt_tokens_details: { readonly cached_tokens: number } };
  readonly error?: { readonly param: string; readonly message: string };
}
const post = async (path: string, body: object) => {
  const response = await app.fetch(
    new Request(`http://127.0.0.1/v1/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", host: "127.0.0.1" },
      body: JSON.stringify({ model: "tiny", ...body }),
    }),
  );
  const isJson = response.headers.get("content-type")?.includes("application/json");
  return { status: response.status, json: (isJson ? await response.json() : {}) as Wire, response };
};
const prompt = "Once upon";
const tokens = [fakeEndToken, ...Array.from(byteTokenizer.encode(prompt))];
async function direct(requests: readonly GenerationRequest[]) {
  return Promise.all(
    engine.submitAll(requests).map(async generation => {
      let text = "";
      for await (const event of generation) {
        text += event.text;
        if (event.kind === "end") return { ...event, text };
      }
      throw new Error("no end");
    }),
  );
}
const textsOf = (json: Wire) => json.choices.map(c => c.text);

test("beam search over HTTP gives the engine's n best, in completions and chat, whole and streamed", async () => {
  const beams = { width: 4, lengthPenalty: 0.5, earlyStopping: true as const };
  const want = await direct([0, 1, 2].map(() => ({ tokens, maxTokens: 8, beams })));
  const body = {
    prompt,
    max_tokens: 8,
    n: 3,
    use_beam_search: true,
    beam_width: 4,
    length_penalty: 0.5,
    early_stopping: true,
    temperature: 0,
  };
  const whole = await post("completions", body);
  expect(whole.status).toBe(200);
  expect(textsOf(whole.json)).toEqual(want.map(a => a.text));
  expect(new Set(textsOf(whole.json)).size).toBe(3);
  // vLLM's older way to say it
  const { beam_width: _, ...older } = body;
  expect(textsOf((await post("completions", { ...older, best_of: 4 })).json)).toEqual(want.map(a => a.text));
  const events = (await (await post("completions", { ...body, stream: true })).response.text())
    .split("\n\n")
    .filter(e => e.startsWith("data: {"));
  const texts = ["", "", ""];
  for (const e of events) for (const c of JSON.parse(e.slice(6)).choices) texts[c.index] += c.text;
  expect(texts).toEqual(want.map(a => a.text));
  const messages = [{ role: "user", content: "Hi" }];
  const chat = await post("chat/completions", {
    messages,
    max_tokens: 6,
    n: 2,
    use_beam_search: true,
    num_beam_groups: 2,
    diversity_penalty: 3,
  });
  expect(chat.status).toBe(200);
  expect(new Set(chat.json.choices.map(c => c.message.content)).size).toBe(2);
  // two prompts are two searches
  const two = await post("completions", { ...body, prompt: [prompt, "To be"], n: 2 });
  expect(textsOf(two.json).slice(0, 2)).toEqual(want.slice(0, 2).map(a => a.text));
  expect(new Set(textsOf(two.json)).size).toBe(4);
});

test("best_of answers with the likeliest of the candidates, and counts them all", async () => {
  const candidates = await direct([0, 1, 2, 3, 4].map(choice => ({ tokens, maxTokens: 12, seed: 7, choice, likelihoods: 0 })));
  const order = [...candidates].sort((a, b) => b.meanLogProbability! - a.meanLogProbability!);
  const { status, json } = await post("completions", { prompt, max_tokens: 12, seed: 7, n: 2, best_of: 5 });
  expect(status).toBe(200);
  expect(textsOf(json)).toEqual(order.slice(0, 2).map(a => a.text));
  expect(json.usage.completion_tokens).toBe(candidates.reduce((sum, a) => sum + a.usage.completionTokens, 0));
  expect(json.choices[0]!.logprobs).toBeNull();
});

test("typical, mirostat and salt reach the engine", async () => {
  const drawn = async (more: object, sampling: GenerationRequest["sampling"]) => {
    const [want] = await direct([{ tokens, maxTokens: 20, seed: 3, ...defined({ sampling }) }]);
    const { json } = await post("completions", { prompt, max_tokens: 20, seed: 3, ...more });
    expect(json.choices[0]!.text).toBe(want!.text);
    return want!.text;
  };
  const texts = [
    await drawn({}, {}),
    await drawn({ typical_p: 0.3 }, { typicalP: 0.3 }),
    await drawn({ mirostat: 2, mirostat_tau: 1, mirostat_eta: 0.5 }, { mirostatTau: 1, mirostatEta: 0.5 }),
  ];
  expect(new Set(texts).size).toBe(3);
  await drawn({ mirostat: 0, mirostat_tau: 1 }, {});
  const cached = async (cache_salt: string) =>
    (await post("completions", { prompt: "a prompt of a tenant of ours", max_tokens: 1, cache_salt })).json.usage.prompt_tokens_details
      .cached_tokens;
  expect(await cached("x")).toBe(0);
  expect(await cached("x")).toBe(28);
  expect(await cached("y")).toBe(0);
});

test("every form of a chat tells the prompt's tokens that were known", async () => {
  const messages = [{ role: "user", content: "a question that is asked twice" }];
  await post("chat/completions", { messages, max_tokens: 1 });
  const chat = (await post("chat/completions", { messages, max_tokens: 1 })).json.usage.prompt_tokens_details.cached_tokens;
  expect(chat).toBeGreaterThan(0);
  const { usage } = (await post("responses", { input: messages, max_output_tokens: 1 })).json;
  expect(usage).toMatchObject({ input_tokens_details: { cached_tokens: chat } });
});

test("parameters that contradict each other or are out of range are a 400 by name", async () => {
  const wrong: [object, string, string][] = [
    [{ typical_p: 2 }, "typical_p", "expected a number at most 1"],
    [{ mirostat: 1 }, "mirostat", "expected 0 (off) or 2"],
    [{ mirostat: 2, mirostat_tau: 0 }, "mirostat_tau", "expected a number above 0"],
    [{ beam_width: 4 }, "beam_width", "expected use_beam_search: true beside it"],
    [{ length_penalty: 1 }, "length_penalty", "expected use_beam_search: true beside it"],
    [{ use_beam_search: true, early_stopping: "soon" }, "early_stopping", 'expected true, false or "never"'],
    [{ use_beam_search: true, temperature: 0.7 }, "temperature", "expected 0 or 1 beside use_beam_search, which draws no tokens"],
    [{ use_beam_search: true, top_p: 0.9 }, "top_p", "expected 1 beside use_beam_search"],
    [{ use_beam_search: true, beam_width: 4, num_beam_groups: 3 }, "num_beam_groups", "expected a divisor of the 4 beams"],
    [{ use_beam_search: true, beam_width: 2, n: 3 }, "n", "expected at most 2 answers of a search of 2 beams"],
    [{ use_beam_search: true, beam_width: 5 }, "beam_width", "expected at most 4 (the concurrent sequences of tiny@1)"],
    [{ best_of: 2, n: 3 }, "best_of", "expected at least n, 3"],
    [{ best_of: 2, stream: true }, "best_of", "expected n, in a stream"],
    [{ best_of: 21 }, "best_of", "expected a number at most 20"],
    [{ cache_salt: 7 }, "cache_salt", "expected a string"],
  ];
  for (const [more, param, sentence] of wrong) {
    const { status, json } = await post("completions", { prompt, max_tokens: 2, ...more });
    expect({ more, status, param: json.error?.param }).toEqual({ more, status: 400, param });
    expect(json.error!.message).toContain(sentence);
  }
});

test("what was reused and guessed is counted", async () => {
  await post("completions", { prompt: "again and again and again and again and again and", max_tokens: 30, temperature: 0 });
  await post("completions", { prompt: "again and again and again and again and again and", max_tokens: 30, temperature: 0 });
  const text = await (await app.fetch(new Request("http://127.0.0.1/metrics", { headers: { host: "127.0.0.1" } }))).text();
  const value = (name: string) => Number(new RegExp(`^loam_${name}\\{model="tiny@1"\\} (\\S+)$`, "m").exec(text)?.[1]);
  expect(value("prefix_hits_total")).toBeGreaterThan(0);
  expect(value("prefix_cached_tokens_total")).toBeGreaterThanOrEqual(49);
  expect(value("speculative_drafted_tokens_total")).toBeGreaterThanOrEqual(value("speculative_accepted_tokens_total"));
});
