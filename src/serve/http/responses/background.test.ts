/** Responses in the background: queued at once, read until they are over, cancelled, and gone when they are deleted. */
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../../tensor/index.ts";
import { createEngine } from "../../engine.ts";
import { scriptedProgram, tinyModel } from "../../fakes.ts";
import { createApp } from "../app.ts";

const device = openDevice("cpu", { threads: 1 });
let release: () => void = () => {};
let gate: Promise<void> = Promise.resolve();
const close = () => {
  gate = new Promise(resolve => {
    release = resolve;
  });
};
const letters = new Float32Array(257);
letters[97] = 50;
const engine = createEngine({
  model: await tinyModel(device, { id: "tiny@1", aliases: ["tiny"] }),
  device,
  open: async () => scriptedProgram({ slots: 2, room: 128, widths: [16, 64], logits: () => letters, gate: () => gate }),
});
await engine.ready;
const app = createApp({ engines: [engine] });
afterAll(() => engine.close());

type Reply = ReturnType<typeof JSON.parse>;
async function call(method: string, path: string, body?: object): Promise<{ status: number; body: Reply }> {
  const headers = { "content-type": "application/json" };
  const response = await app.fetch(
    new Request(`http://localhost${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }),
  );
  return { status: response.status, body: (await response.json()) as Reply };
}
const create = (more: object = {}) =>
  call("POST", "/v1/responses", { model: "tiny", input: "Hi", max_output_tokens: 4, background: true, ...more });
const read = (id: string) => call("GET", `/v1/responses/${id}`);
async function over(id: string): Promise<Reply> {
  for (;;) {
    const { body } = await read(id);
    if (body.status !== "queued" && body.status !== "in_progress") return body;
    await new Promise(resolve => setImmediate(resolve));
  }
}

test("it is answered at once as queued, and read by its id until it is over", async () => {
  close();
  const { status, body } = await create();
  expect([status, body.status, body.background, body.output]).toEqual([200, "queued", true, []]);
  expect((await read(body.id)).body.status).toBe("queued");
  release();
  const last = await over(body.id);
  expect(last).toMatchObject({ id: body.id, status: "incomplete", background: true, usage: { output_tokens: 4 } });
  expect(last.output[0].content[0].text).toBe("aaaa");
  const next = await call("POST", "/v1/responses", { model: "tiny", input: "On", max_output_tokens: 1, previous_response_id: body.id });
  expect(next.status).toBe(200);
  // one that is over stays as it is
  expect((await call("POST", `/v1/responses/${body.id}/cancel`)).body).toEqual(last);
});

test("a cancelled response stays cancelled, and its sequence is gone", async () => {
  close();
  const { body } = await create({ max_output_tokens: 100 });
  const cancelled = await call("POST", `/v1/responses/${body.id}/cancel`);
  expect([cancelled.status, cancelled.body.status]).toEqual([200, "cancelled"]);
  release();
  await engine
    .submit({ tokens: [1, 2], maxTokens: 1 })
    [Symbol.asyncIterator]()
    .next();
  expect((await read(body.id)).body.status).toBe("cancelled");
  expect(engine.stats().running + engine.stats().queued).toBeLessThanOrEqual(1);
});

test("a deleted response is not kept again when it ends", async () => {
  close();
  const { body } = await create();
  expect((await call("DELETE", `/v1/responses/${body.id}`)).body.deleted).toBe(true);
  release();
  await engine
    .submit({ tokens: [1, 2], maxTokens: 1 })
    [Symbol.asyncIterator]()
    .next();
  expect((await read(body.id)).status).toBe(404);
});

test("what cannot be kept is not made in the background", async () => {
  const { status, body } = await create({ store: false });
  expect([status, body.error.message]).toEqual([400, expect.stringContaining("background can only be used when `store` is true")]);
  expect((await create({ stream: true })).body.error.param).toBe("stream");
  const plain = await call("POST", "/v1/responses", { model: "tiny", input: "Hi", max_output_tokens: 1 });
  const refused = await call("POST", `/v1/responses/${plain.body.id}/cancel`);
  expect([refused.status, refused.body.error.message]).toEqual([400, expect.stringContaining("Cannot cancel a synchronous response.")]);
});
