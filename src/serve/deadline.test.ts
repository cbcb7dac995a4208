/** A platform's deadline, as the reason that a request's signal is aborted with: an answer ends with an error in its contract's form. */
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../tensor/index.ts";
import { deadlineOver } from "./cancellation.ts";
import { createEngine } from "./engine.ts";
import { scriptedProgram, tinyModel } from "./fakes.ts";
import { createApp } from "./http/app.ts";
import { withoutPort } from "./listen.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);
// one token in 5 ms, so that an answer is under way when its time is over
const engine = createEngine({
  model,
  device,
  open: async () => scriptedProgram({ slots: 2, gate: () => new Promise(resolve => setTimeout(resolve, 5)) }),
});
await engine.ready;
const records: { readonly status: number; readonly error?: string | undefined }[] = [];
const server = createApp({ engines: [engine], hosts: "any", onRequest: r => records.push(r) });
const port = withoutPort(server);
afterAll(() => port.close());

const asked = (path: string, body: object, signal: AbortSignal) =>
  server.fetch(
    new Request(`https://abc.lambda-url.eu-central-1.on.aws${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "tiny", max_tokens: 60, logit_bias: { "256": -100 }, ...body }),
      signal,
    }),
  );

/** Aborts once the first piece is there, and gives the whole. */
async function cutAfterFirst(response: Response, end: AbortController, reason?: unknown): Promise<string> {
  let text = "";
  for await (const piece of response.body!) {
    text += Buffer.from(piece).toString("utf8");
    if (!end.signal.aborted) end.abort(reason);
  }
  return text;
}
const over = () => deadlineOver("AWS Lambda: timeout", "Lower max_tokens.");

test("a stream ends with an error event that names the deadline, after the tokens that it has", async () => {
  const end = new AbortController();
  const text = await cutAfterFirst(await asked("/v1/completions", { prompt: "a", stream: true }, end.signal), end, over());
  const events = text.trim().split("\n\n");
  expect(events.length).toBeGreaterThan(1);
  expect(JSON.parse(events.at(-1)!.replace(/^(event: error\n)?data: /, "")).error).toMatchObject({
    code: "deadline_exceeded",
    message: expect.stringMatching(/^AWS Lambda: timeout: the answer was not there in the time that the platform allows\. Lower max_tokens\.$/),
  });
  expect(records.at(-1)).toMatchObject({ status: 504, error: "serve/deadline" });
  expect(engine.stats().running).toBe(0);
});

test("Ollama's stream ends with its own form of the error", async () => {
  const end = new AbortController();
  const text = await cutAfterFirst(await asked("/api/generate", { prompt: "a", options: {} }, end.signal), end, over());
  expect(JSON.parse(text.trim().split("\n").at(-1)!)).toMatchObject({ error: expect.stringMatching(/in the time that the platform allows/) });
});

test("a whole answer becomes 504, in the log too", async () => {
  const end = new AbortController();
  const answer = asked("/v1/completions", { prompt: "a" }, end.signal);
  await expect.poll(() => engine.stats().running).toBe(1);
  end.abort(over());
  const response = await answer;
  const { error } = (await response.json()) as { error: { code: string } };
  expect([response.status, error.code]).toEqual([504, "deadline_exceeded"]);
  expect(records.at(-1)).toMatchObject({ status: 504 });
});

test("any other abort is a client that left: 499", async () => {
  const end = new AbortController();
  const answer = asked("/v1/completions", { prompt: "a" }, end.signal);
  await expect.poll(() => engine.stats().running).toBe(1);
  end.abort();
  expect((await answer).status).toBe(499);
  expect(records.at(-1)).toMatchObject({ status: 499 });
});

test("without a port, draining waits for answers under way, takes no more, and is the same end for all who ask", async () => {
  const apart = createEngine({ model, device, open: async () => scriptedProgram({ slots: 1 }) });
  await apart.ready;
  const app = createApp({ engines: [apart], hosts: "any" });
  const listening = withoutPort(app);
  const body = JSON.stringify({ model: "tiny", prompt: "a", max_tokens: 3 });
  const request = () =>
    new Request("https://x/v1/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
  const answer = app.fetch(request());
  await expect.poll(() => apart.stats().running + apart.stats().queued + (apart.stats().requests > 0 ? 1 : 0)).toBeGreaterThan(0);
  const [one, two] = [listening.drain(), listening.drain()];
  expect((await answer).status).toBe(200);
  expect(await one).toEqual({ cutOff: 0 });
  expect(await two).toEqual({ cutOff: 0 });
  expect((await app.fetch(request())).status).toBe(503);
});
