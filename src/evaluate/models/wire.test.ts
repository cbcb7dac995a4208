/** What the client of an evaluated endpoint sends and what it makes of answers, byte for byte as it was recorded. */
import { test } from "vitest";
import { clientCase, Transcript } from "../../../test/support/wire.ts";
import { endpointModel } from "./endpoint.ts";
import type { EvaluatedModel } from "./model.ts";

const ok = (value: unknown) => ({ text: JSON.stringify(value) });
const error = (status: number, message: unknown, more: object = {}) => ({ status, text: JSON.stringify({ error: message }), ...more });
const completion = { choices: [{ text: "b" }], usage: { completion_tokens: 2 } };
const chat = { choices: [{ message: { content: "b" } }] };
const request = { prompt: "a", stop: ["x"], maxTokens: 3, temperature: 0.5, seed: 1, samples: 2 };
const likely = { context: "a", continuations: ["b", "c"] };
const echoed = {
  choices: ["ab", "ac"].map(text => ({
    text,
    logprobs: { tokens: [...text], token_logprobs: [null, -0.5], top_logprobs: [null, { [text[1]!]: -0.5 }], text_offset: [0, 1] },
  })),
};
const scored = {
  data: [
    { tokens: [{ token: "b", logprob: -0.5, top_logprobs: [{ token: "b", logprob: -0.5 }] }] },
    { tokens: [{ token: "c", logprob: -1 }] },
  ],
};
const vectors = { data: [{ index: 0, embedding: [1, 2] }] };

test("requests, answers and errors of the endpoint's client", async () => {
  const transcript = new Transcript("client-evaluate");
  const made = (url: string, more: object = {}) => endpointModel({ url: `${url}/`, model: "m", key: "k1", retryMs: 1, ...more });
  /** Answers without their times. */
  const asked = async (model: EvaluatedModel, kind: "generate" | "likelihood" | "embed", one: object) => {
    const got: unknown[] = [];
    await (model[kind] as (r: readonly object[], each: (i: number, a: { ms: number }) => void) => Promise<void>)(
      [one],
      (_, { ms: _ms, ...a }) => got.push(a),
    );
    return got;
  };
  const on = (title: string, answers: readonly unknown[], call: (url: string) => Promise<unknown>) =>
    clientCase(transcript, title, answers, call);
  await on("completion", [ok(completion)], url => asked(made(url), "generate", request));
  await on("chat", [ok(chat)], url =>
    asked(made(url, { key: undefined }), "generate", { ...request, samples: 1, stop: [], messages: [{ role: "user", content: "a" }] }),
  );
  await on("echo", [error(404, "nothing"), ok(echoed)], url => asked(made(url), "likelihood", likely));
  await on("score", [ok(scored), ok(scored)], url => asked(made(url), "likelihood", likely));
  await on("no likelihoods", [error(404, "nothing"), error(400, "no echo")], url => asked(made(url), "likelihood", likely));
  await on("vectors", [ok(vectors)], url => asked(made(url), "embed", { text: "a" }));
  await on("vectors, cut", [error(413, "too long"), ok(vectors)], url => asked(made(url), "embed", { text: "a" }));
  await on("vectors, too few", [ok({ data: [] })], url => asked(made(url), "embed", { text: "a" }));
  await on("retried", [error(503, { message: "busy" }), error(429, "slow"), "hang up", ok(completion)], url =>
    asked(made(url), "generate", request),
  );
  await on("given up", [error(500, "a"), error(500, "b"), error(500, "c"), { status: 502, text: "<html>" }], url =>
    asked(made(url), "generate", request),
  );
  await on("refused", [error(404, { message: "no such model" })], url => asked(made(url), "generate", request));
  await on("too long", [error(400, { message: "x", code: "context_length_exceeded" })], url => asked(made(url), "generate", request));
  await on("too long with 500", [error(500, { message: "the request exceeds the context size", type: "exceed_context_size_error" })], url =>
    asked(made(url), "generate", request),
  );
  await on("no JSON", [{ text: "<html>" }], url => asked(made(url), "generate", request));
  await on("another form", [ok({ choices: [{ text: 1 }] })], url => asked(made(url), "generate", request));
  transcript.compare();
});
