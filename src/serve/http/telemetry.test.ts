/** llama.cpp's figures beside answers: progress of prompts, timings, what the template made of the messages, and input that is only counted. */
import { afterAll, beforeEach, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createApp } from "./app.ts";
import { speaker } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const said = await speaker(device, {
  id: "speaker@1",
  name: "speaker",
  aliases: ["speaker"],
  chatTemplate: chatTemplate(
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
  ),
});
const failures: unknown[] = [];
const app = createApp({ engines: [said.engine], onFailure: e => failures.push(e) });
beforeEach(() => {
  said.text = "yes";
});
afterAll(async () => {
  await said.engine.close();
  expect(failures).toEqual([]);
});

type Reply = ReturnType<typeof JSON.parse>;
const ask = async (path: string, body: object): Promise<string> => {
  const headers = { "content-type": "application/json" };
  return (
    await app.fetch(
      new Request(`http://localhost${path}`, { method: "POST", headers, body: JSON.stringify({ model: "speaker", ...body }) }),
    )
  ).text();
};
const reply = async (path: string, body: object): Promise<Reply> => JSON.parse(await ask(path, body));
const events = async (path: string, body: object): Promise<Reply[]> => {
  const text = await ask(path, { ...body, stream: true });
  return [...text.matchAll(/^data: (\{.*)$/gm)].map(m => JSON.parse(m[1]!) as Reply);
};
/** 200 tokens: the program computes 64 at once. */
const long = "a".repeat(200);

/** What holds of every prompt's progress. */
function checkProgress(all: Reply[]): void {
  const reports = all.filter(e => e.prompt_progress).map(e => e.prompt_progress);
  expect(reports.length).toBeGreaterThan(2);
  const { total, cache } = reports[0];
  expect(total).toBeGreaterThanOrEqual(200);
  expect(reports[0].processed).toBe(cache);
  for (const [i, r] of reports.entries()) {
    expect([r.total, r.cache]).toEqual([total, cache]);
    if (i > 0) expect(r.processed).toBeGreaterThan(reports[i - 1].processed);
    expect(r.time_ms).toBeGreaterThanOrEqual(0);
  }
  expect(reports.at(-1).processed).toBe(total);
}

test("a stream tells of its prompt what is computed, all of it before the first text", async () => {
  const native = await events("/completion", {
    model: undefined,
    prompt: long,
    n_predict: 4,
    return_progress: true,
    timings_per_token: true,
  });
  checkProgress(native);
  expect(native[0]).toMatchObject({
    content: "",
    tokens: [],
    stop: false,
    timings: { prompt_n: 0, prompt_ms: 0, predicted_n: 0, predicted_ms: 0 },
  });
  expect(native.findLastIndex(e => e.prompt_progress)).toBeLessThan(native.findIndex(e => e.content !== ""));

  const messages = [{ role: "user", content: long }];
  const chat = await events("/v1/chat/completions", { messages, return_progress: true });
  checkProgress(chat);
  expect(chat[0].choices[0].delta.role).toBe("assistant");
  expect(chat.map(e => e.choices[0].delta.content ?? "").join("")).toBe("yes");

  const response = await events("/v1/responses", { input: long, return_progress: true });
  checkProgress(response);
  for (const e of response.filter(r => r.prompt_progress)) expect(e.type).toBe("response.in_progress");
  expect(response.map(e => e.sequence_number)).toEqual(response.map((_, i) => i));
});

test("without being asked nothing tells progress or timings", async () => {
  const messages = [{ role: "user", content: long }];
  for (const e of await events("/v1/chat/completions", { messages }))
    expect([e.prompt_progress, e.timings]).toEqual([undefined, undefined]);
  expect(await reply("/v1/chat/completions", { messages })).not.toHaveProperty("timings");
});

test("timings_per_token: each chunk of a chat and each text of a response has timings of what is there so far", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const chat = await events("/v1/chat/completions", { messages, timings_per_token: true, stream_options: { include_usage: true } });
  const counts = chat.filter(e => e.choices[0]?.delta.content).map(e => e.timings.predicted_n);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(chat.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 4 }, timings: { predicted_n: 4 } });
  expect((await reply("/v1/chat/completions", { messages, timings_per_token: true })).timings.predicted_n).toBe(4);
  const response = await events("/v1/responses", { input: "Hi", timings_per_token: true });
  expect(response.filter(e => e.type === "response.output_text.delta").every(e => e.timings.predicted_n > 0)).toBe(true);
  expect(response.at(-1)).toMatchObject({ type: "response.completed", timings: { predicted_n: 4 } });
});

test("verbose: a chat tells the prompt that the template made", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const { __verbose } = await reply("/v1/chat/completions", { messages, verbose: true });
  expect(__verbose).toEqual({ prompt: "<user>Hi<assistant>" });
  expect((await events("/v1/chat/completions", { messages, verbose: true })).at(-1).__verbose).toEqual(__verbose);
});

test("input is counted as the answer counts it, and nothing is answered", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const { usage } = await reply("/v1/chat/completions", { messages });
  const asked = said.prompts.length;
  const counted = { object: "response.input_tokens", input_tokens: usage.prompt_tokens };
  expect(await reply("/v1/chat/completions/input_tokens", { messages })).toEqual(counted);
  expect(await reply("/chat/completions/input_tokens", { messages, model: undefined })).toEqual(counted);
  expect(await reply("/v1/responses/input_tokens", { input: "Hi" })).toEqual(counted);
  expect(said.prompts.length).toBe(asked);
});
