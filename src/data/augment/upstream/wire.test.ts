/** What the client of a writer sends and what it makes of answers, byte for byte as it was recorded. */
import { test } from "vitest";
import { clientCase, Transcript } from "../../../../test/support/wire.ts";
import { openAiCompatible } from "./openai-compatible.ts";
import { endpointOptions } from "./options.ts";

const ok = (value: unknown) => ({ text: JSON.stringify(value) });
const error = (status: number, message: unknown, more: object = {}) => ({ status, text: JSON.stringify({ error: message }), ...more });
const says = (content: string | null, more: object = {}) =>
  ok({ choices: [{ message: { content }, finish_reason: "stop" }], usage: { total_tokens: 5 }, ...more });
const ask = { user: "hello", maxTokens: 9, temperature: 0.5, seed: 3 };

test("requests, answers and errors of a writer's client", async () => {
  const transcript = new Transcript("client-augment");
  const on = (title: string, answers: readonly unknown[], call: (url: string) => Promise<unknown>) =>
    clientCase(transcript, title, answers, call);
  const made = (baseUrl: string, more: object = {}) =>
    openAiCompatible(endpointOptions.parse({ baseUrl, model: "m", backoffMs: 1, retries: 2, keyFrom: "K", ...more }), {
      environment: { K: "k1" },
    });
  const asked = (url: string) => made(url).write(ask);
  await on("answer", [says("hi")], url => made(`${url}/`).write({ ...ask, system: "be short" }));
  await on("cut, uncounted", [ok({ choices: [{ message: {}, finish_reason: "length" }] })], asked);
  await on("refused", [error(422, { message: "not allowed" })], asked);
  await on("retried", [error(503, "busy"), "hang up", says("at last")], asked);
  await on("retried: no JSON, another form", [{ text: "<html>" }, ok({ choices: [] }), says("at last")], asked);
  await on("waits as it is asked to", [error(429, "slow", { headers: { "retry-after": "0" } }), says("hi")], asked);
  await on("given up", [error(500, "a"), { status: 502, text: "<html>" }, error(500, { message: "c" })], asked);
  await on("told at once", [error(404, { message: "no such model" })], asked);
  await on("told at once: a key", [error(401, "no key")], asked);
  transcript.compare();
});
