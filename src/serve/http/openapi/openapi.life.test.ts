/** Requests drawn from /openapi.json, right and wrong ones, to every address of a server: no failure of the server, and no words of a validator. */
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { type DrawnRequest, drawnRequests, leakedWords } from "../../../../test/support/openapi-requests.ts";
import type { OpenApiDocument } from "../../../base/index.ts";
import { openDevice } from "../../../tensor/index.ts";
import { chatTemplate } from "../../../text/index.ts";
import { createEmbeddingEngine } from "../../embedding/embedding-engine.ts";
import { createEngine } from "../../engine.ts";
import { scriptedProgram, tinyModel } from "../../fakes.ts";
import { createApp } from "../app.ts";
import { tinyEncoder } from "../fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({
  model: await tinyModel(device, { name: "tiny", version: 1, chatTemplate: chatTemplate() }),
  device,
  // far apart, so that samplers of extreme settings have something to break
  open: async () =>
    scriptedProgram({ slots: 4, room: 64, logits: token => Float32Array.from({ length: 257 }, (_, i) => ((i * 37 + token) % 61) - 30) }),
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { aliases: ["vectors"] }), device });
await Promise.all([engine.ready, encoder.ready]);
const failures: unknown[] = [];
const app = createApp({ engines: [engine], encoders: [encoder], admin: true, onFailure: e => failures.push(e) });
afterAll(() => app.close());

const document = (await (await app.fetch(new Request("http://localhost/openapi.json"))).json()) as OpenApiDocument;
const names = ["tiny", "tiny@1", "vectors", "nobody"];
const pools = {
  words: {
    ...{ model: names, name: names, name_or_id: names, target: names, role: ["user", "assistant", "system"] },
    ...{ max_tokens: [1, 2], n_predict: [1, 2], max_output_tokens: [1, 2], num_predict: [1, 2], steps: [1, 2], n: [1, 2], best_of: [2] },
  },
};
/** Attributions take work by their steps, however few tokens there are. */
const cheap = (operation: string, value: unknown): unknown =>
  operation === "POST /v1/attributions" && typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value, steps: 1 }
    : value;

async function send({ method, path, type, body }: DrawnRequest): Promise<{ status: number; text: string }> {
  const stop = new AbortController();
  const headers = type === undefined ? {} : { "content-type": type === "multipart/form-data" ? `${type}; boundary=x` : type };
  const response = await app.fetch(
    new Request(`http://localhost${path}`, { method, headers, signal: stop.signal, ...(body === undefined ? {} : { body }) }),
  );
  const isStream = response.status === 200 && !/json/.test(response.headers.get("content-type") ?? "");
  const text = isStream ? "" : await response.text();
  if (isStream) await response.body?.cancel();
  stop.abort();
  return { status: response.status, text };
}

test("requests drawn from the description are answered or refused, never failed, and no refusal has a validator's words", async () => {
  const seen = new Map<string, Set<number>>();
  await fc.assert(
    fc.asyncProperty(drawnRequests(document, pools, cheap), async request => {
      const { status, text } = await send(request);
      const of = seen.get(request.operation) ?? new Set();
      seen.set(request.operation, of.add(status));
      const about = `${request.method} ${request.path} ${request.body?.slice(0, 2000)}\n${text.slice(0, 500)}`;
      // a server without models is not ready, one with a generation that fails says 424; Triton's `timeout` is the request's own, in microseconds
      const isOwnTimeout = request.operation.endsWith("/generate") && text.includes("in the time that the request set itself");
      const isTold = (status === 504 && isOwnTimeout) || (status === 503 && request.operation.includes("health"));
      expect(status < 500 || isTold, about).toBe(true);
      if (status >= 400 && text !== "") {
        expect(text, about).not.toMatch(leakedWords);
        expect(JSON.parse(text), about).toHaveProperty("error");
      }
    }),
    // a law draws a fifth without --deep: 1,000
    { numRuns: rounds(10_000, 5_000) },
  );
  expect(failures).toEqual([]);
  // it is no test of refusals alone
  const answered = [...seen.values()].filter(of => of.has(200)).length;
  expect([seen.size > 100, answered > 30]).toEqual([true, true]);
  await expect.poll(() => engine.stats().running + engine.stats().queued).toBe(0);
});
