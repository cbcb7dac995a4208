/** An endpoint that is left, and what complaints call it. */
import { expect, test } from "vitest";
import { endpointModel } from "./endpoint.ts";

const refusal = (message: string, status: number) => new Response(JSON.stringify({ error: { message } }), { status });
const request = { prompt: "a", stop: [], maxTokens: 1, temperature: 0, seed: 1, samples: 1 };

test("a server that answers a request that was left ends it with the signal's reason, not with its own words", async () => {
  const left = new AbortController();
  const reason = new Error("stopped by the user");
  const model = endpointModel({
    url: "http://127.0.0.1/v1",
    model: "m",
    fetch: () => {
      left.abort(reason);
      return refusal("the generation was cancelled", 499);
    },
  });
  await expect(model.generate!([request], () => {}, left.signal)).rejects.toBe(reason);
});

test("a complaint names the address, or what it is called where it has none of its own", async () => {
  const asked = { url: "http://127.0.0.1/v1", model: "m", fetch: () => refusal("no such thing", 404) };
  await expect(endpointModel(asked).generate!([request], () => {})).rejects.toThrow(
    /^http:\/\/127\.0\.0\.1\/v1\/completions: .*404 no such/,
  );
  const named = endpointModel({ ...asked, place: "letters@1" });
  await expect(named.generate!([request], () => {})).rejects.toThrow(/^letters@1: expected an answer, got 404 no such thing/);
  await expect(named.embed!([{ text: "a" }], () => {})).rejects.toThrow(/^letters@1: /);
});
