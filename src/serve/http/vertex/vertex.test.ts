import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../../tensor/index.ts";
import { createEngine } from "../../engine.ts";
import { scriptedProgram, tinyModel } from "../../fakes.ts";
import { createApp } from "../app.ts";
import { speaker } from "../fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"] });
const other = createEngine({
  model: await tinyModel(device, { id: "other@1", aliases: ["other"] }),
  device,
  open: async () => scriptedProgram({ slots: 2, room: 64 }),
});
await other.ready;
const one = createApp({ engines: [said.engine] });
const two = createApp({ engines: [said.engine, other] });
afterAll(async () => {
  await Promise.all([said.engine.close(), other.close()]);
});

async function predict(app: typeof one, body: object) {
  const headers = { "content-type": "application/json" };
  const response = await app.fetch(new Request("http://localhost/predict", { method: "POST", headers, body: JSON.stringify(body) }));
  return { status: response.status, body: JSON.parse(await response.text()) };
}
const chat = (content: string, more: object = {}) => ({
  "@requestFormat": "chatCompletions",
  messages: [{ role: "user", content }],
  max_tokens: 8,
  ...more,
});

test("instances that are chats are answered in their order, as the chat endpoint answers them", async () => {
  said.text = "hi there";
  const { status, body } = await predict(one, { instances: [chat("a"), chat("b", { n: 2 })] });
  expect(status).toBe(200);
  expect(body.predictions.map((p: { choices: unknown[] }) => p.choices.length)).toEqual([1, 2]);
  const [{ choices, object, usage }] = body.predictions;
  expect([choices[0].message.role, choices[0].message.content, object]).toEqual(["assistant", "hi there", "chat.completion"]);
  expect(usage.completion_tokens).toBeGreaterThan(0);
});

test("other instances are rows, as TensorFlow's predict has them", async () => {
  said.text = "hi there";
  const { status, body } = await predict(one, { instances: [{ text: "a", max_tokens: 4 }] });
  expect([status, body.predictions.length]).toEqual([200, 1]);
});

test("what a request may not hold is named with the instance", async () => {
  const refused = async (app: typeof one, body: object) => {
    const { status, body: told } = await predict(app, body);
    return [status, told.error.param ?? told.error.message];
  };
  expect(await refused(one, {})).toEqual([400, "instances"]);
  expect(await refused(one, { instances: [chat("a"), { text: "b" }] })).toEqual([400, "instances[1].@requestFormat"]);
  expect(await refused(one, { instances: [chat("a", { "@requestFormat": "poems" })] })).toEqual([400, "instances[0].@requestFormat"]);
  expect(await refused(one, { instances: [chat("a", { stream: true })] })).toEqual([400, "instances[0].stream"]);
  expect(await refused(one, { instances: [chat("a", { messages: 3 })] })).toEqual([400, "messages"]);
  expect(await refused(two, { instances: [chat("a")] })).toEqual([400, "model"]);
  const both = [chat("a", { model: "speaker" }), chat("a", { model: "other" })];
  expect(await refused(two, { instances: both })).toEqual([400, "instances[1].model"]);
  expect((await predict(two, { instances: both.slice(0, 1) })).status).toBe(200);
});
