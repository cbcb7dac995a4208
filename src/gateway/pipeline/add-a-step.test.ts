/** The example of docs/gateway-pipeline.md, as it stands there, compiled and run. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gatewayErrors } from "../errors.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../fakes.ts";
import { answerRequest } from "../http/answer-request.ts";
import { modelAddresses } from "../http/model-addresses.ts";
import { pipeline } from "./pipeline.ts";
import { countPipeline, modelPipeline, passThroughPipeline, serverPipeline } from "./pipelines.ts";
import type { Adds, Reads } from "./step.ts";
import { authorise } from "./steps/authorise.ts";
import { enter } from "./steps/enter.ts";
import { identify } from "./steps/identify.ts";
import { measure } from "./steps/measure.ts";
import { read } from "./steps/read.ts";
import { relay } from "./steps/relay.ts";
import { reserve } from "./steps/reserve.ts";
import { route } from "./steps/route.ts";
import { selectTargets } from "./steps/select-targets.ts";
import { settle } from "./steps/settle.ts";

const mostMessages = 200;

/** Long conversations are summarised by their client. Errors: gateway/parameter. */
function limitMessages({ ask }: Reads<"ask">): Adds | undefined {
  const { messages } = ask.body;
  if (!Array.isArray(messages)) return undefined;
  const count = String(messages.length);
  if (messages.length > mostMessages)
    throw gatewayErrors.fail("parameter", {
      place: "messages",
      expected: `at most ${mostMessages} messages`,
      received: count,
      hint: "Replace the oldest messages by a summary of them.",
    });
  return { onAnswer: answer => ({ ...answer, headers: { ...answer.headers, "x-loam-messages": count } }) };
}

const withStep = pipeline<Reads<"api" | "contract">>()
  .step(identify)
  .step(read)
  .step(limitMessages)
  .step(authorise)
  .step(measure)
  .step(selectTargets)
  .step(reserve)
  .step(enter)
  .step(route)
  .relay(relay)
  .settle(settle);

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
const page = textOf("../../../docs/gateway-pipeline.md");

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

test("the page's step is the one that runs here, and its list the one that the gateway runs", () => {
  const own = textOf("./add-a-step.test.ts");
  const [, block = ""] = /```ts\n\/\/ src\/gateway\/pipeline\/steps\/limit-messages\.ts\n([\s\S]*?)```/.exec(page) ?? [];
  const [, step = ""] = /(const mostMessages[\s\S]*?\n}\n)/.exec(block) ?? [];
  expect(step.split("\n").length).toBeGreaterThan(15);
  expect(own).toContain(step.replace("export ", ""));
  const listed = (name: string) =>
    [...(new RegExp(`export const ${name} =[\\s\\S]*?;`).exec(textOf("./pipelines.ts"))?.[0] ?? "").matchAll(/\.\w+\((\w+)\)/g)].map(
      m => m[1],
    );
  const shown = [...(/```ts\nexport const modelPipeline[\s\S]*?```/.exec(page)?.[0] ?? "").matchAll(/\.\w+\((\w+)\)/g)].map(m => m[1]);
  expect(shown).toEqual(modelPipeline.names);
  expect(listed("modelPipeline")).toEqual(modelPipeline.names);
  for (const { names } of [countPipeline, passThroughPipeline, serverPipeline]) expect(page).toContain(`| ${names.join(", ")} `);
});

test("a step that is added refuses before anything is reserved, and marks the answers of the rest", async () => {
  const address = modelAddresses[0]!;
  const asked = (messages: number) =>
    answerRequest(
      gateway.gateway,
      { path: address.path, pipeline: withStep, fields: { api: address.api, contract: address.contract } },
      new Request(`http://gateway${address.path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "chat", messages: Array(messages).fill({ role: "user", content: "Hello." }) }),
      }),
      undefined,
    );
  const { status, headers } = await asked(200);
  expect(status).toBe(200);
  expect(headers[headers.indexOf("x-loam-messages") + 1]).toBe("200");
  const refused = await asked(201);
  expect(refused.status).toBe(400);
  expect(String(refused.body)).toContain(
    "messages: expected at most 200 messages, got 201. Replace the oldest messages by a summary of them.",
  );
  expect(upstream.received).toHaveLength(1);
});
