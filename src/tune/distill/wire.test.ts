/** What the client of a teacher sends and what it makes of answers, byte for byte as it was recorded. */
import { test } from "vitest";
import { clientCase, Transcript } from "../../../test/support/wire.ts";
import { teacherAt } from "./teacher-endpoint.ts";

const ok = (value: unknown) => ({ text: JSON.stringify(value) });
const error = (status: number, message: unknown, more: object = {}) => ({ status, text: JSON.stringify({ error: message }), ...more });
const score = { system_fingerprint: "fp", data: [{ tokens: [{ id: 2, logprob: -0.5, top_logprobs: [{ id: 7, logprob: -0.25 }] }] }] };
const prompted = { choices: [{ prompt_logprobs: [null, { "2": { logprob: -0.5 }, "7": { logprob: -0.25 } }] }] };
const stepped = { choices: [{ logprobs: { top_logprobs: [{ "token_id:7": -0.25 }] } }] };

test("requests, answers and errors of a teacher's client", async () => {
  const transcript = new Transcript("client-teacher");
  const on = (title: string, answers: readonly unknown[], call: (url: string) => Promise<unknown>) =>
    clientCase(transcript, title, answers, call);
  const made = (url: string) => teacherAt({ url, model: "m", key: "k1", topLogprobs: 1, retryMs: 1 });
  const asked = (url: string) => made(url).ask([1, 2], [1], undefined);
  await on("scores", [ok(score), ok(score)], asked);
  await on("prompt_logprobs", [error(404, "none"), ok(prompted), ok(prompted)], asked);
  await on("steps", [error(404, "none"), ok({ choices: [{}] }), ok(stepped), ok(stepped)], asked);
  await on("none", [error(404, "none"), { text: "<html>" }, error(400, { message: "no" })], asked);
  await on(
    "retried",
    [error(429, "slow", { headers: { "retry-after": "0.01" } }), error(503, "busy"), "hang up", ok(score), ok(score)],
    asked,
  );
  await on("given up", [error(500, "a"), error(500, "b"), error(500, "c"), error(500, { message: "d" })], asked);
  await on("a key that may not", [error(401, { message: "no key" })], asked);
  await on("the text of tokens", [ok({ prompt: "ab" })], url => made(url).textOf([1, 2], undefined));
  await on("a text that is refused", [error(400, "no")], url => made(url).textOf([1, 2], undefined));
  await on("no texts", [error(404, "no")], url => made(url).textOf([1, 2], undefined));
  transcript.compare();
});
