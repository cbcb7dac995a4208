/** Who asks what somebody is asking already: one call for all, and nobody waits for what will not come. */
import { expect, test } from "vitest";
import { good, openAccess, status } from "../fakes.ts";
import { cacheRig, gated, question, until } from "./rig.laws.ts";

const rig = cacheRig();

test("two hundred who ask the same at once make one call, whole or as a stream, and all get the same", async () => {
  await rig.start(
    {},
    {},
    { access: { ...openAccess, limits: [{ name: "n", measure: "requests", per: ["key"], limit: 1000, window: "1h" }] } },
  );
  for (const stream of [false, true]) {
    const gate = gated();
    rig.upstream.script = gate.script;
    const body = { ...question, stream };
    const before = rig.upstream.received.length;
    const all = Array.from({ length: 200 }, () => rig.asked(body));
    await until(() => rig.gateway.gateway.inFlight === 200 && rig.upstream.received.length === before + 1);
    gate.go();
    const answers = await Promise.all(all);
    expect(new Set(answers.map(a => a.text)).size).toBe(1);
    expect(answers.every(a => a.status === 200)).toBe(true);
    expect(answers.filter(a => a.how === "miss").length).toBe(1);
    expect(rig.upstream.received.length).toBe(before + 1);
    await until(() => rig.gateway.gateway.inFlight === 0);
  }
  // each of them is a request, and only the two that were asked have tokens
  const [row] = await rig.gateway.gateway.control.usage("2000-01-01", "2100-01-01");
  expect(row).toMatchObject({ requests: 400, inputTokens: 14, outputTokens: 120 });
});

test("each who waits is held to their own limits", async () => {
  await rig.start(
    {},
    {},
    { access: { ...openAccess, limits: [{ name: "few", measure: "requests", per: ["key"], limit: 3, window: "1h" }] } },
  );
  const answers = await Promise.all(Array.from({ length: 10 }, () => rig.asked()));
  expect(answers.filter(a => a.status === 200).length).toBe(3);
  expect(answers.filter(a => a.status === 429).length).toBe(7);
  expect(rig.upstream.received.length).toBe(1);
});

test("those who waited for one that fails ask for themselves", async () => {
  const gate = gated();
  rig.upstream.script = async (received, response) => {
    const isFirst = rig.upstream.received.length === 1;
    await gate.passed;
    await (isFirst ? status(400) : good)(received, response);
  };
  await rig.start();
  const all = Array.from({ length: 5 }, () => rig.asked());
  await until(() => rig.gateway.gateway.inFlight === 5);
  gate.go();
  const statuses = (await Promise.all(all)).map(a => a.status);
  expect(statuses.toSorted()).toEqual([200, 200, 200, 200, 400]);
  expect(rig.upstream.received.length).toBe(5);
});

test("where the first leaves, the next of those who wait asks, for all", async () => {
  const gate = gated();
  rig.upstream.script = gate.script;
  await rig.start();
  const controller = new AbortController();
  const first = rig.asked(question, { signal: controller.signal }).catch(() => "gone");
  await until(() => rig.upstream.received.length === 1);
  const others = Array.from({ length: 5 }, () => rig.asked());
  await until(() => rig.gateway.gateway.inFlight === 6);
  controller.abort();
  expect(await first).toBe("gone");
  await until(() => rig.upstream.received.length === 2);
  gate.go();
  expect((await Promise.all(others)).map(a => a.status)).toEqual([200, 200, 200, 200, 200]);
  expect(rig.upstream.received.length).toBe(2);
});

test("one who waits longer than `wait` asks for itself, and one who leaves while it waits costs nothing", async () => {
  const gate = gated();
  rig.upstream.script = async (received, response) => {
    if (rig.upstream.received.length === 1) await gate.passed;
    await good(received, response);
  };
  await rig.start({ wait: "300ms" });
  const first = rig.asked();
  await until(() => rig.upstream.received.length === 1);
  const controller = new AbortController();
  const gone = rig.asked(question, { signal: controller.signal }).catch(() => "gone");
  await until(() => rig.gateway.gateway.inFlight === 2);
  controller.abort();
  expect(await gone).toBe("gone");
  await until(() => rig.gateway.gateway.inFlight === 1);
  expect(rig.upstream.received.length).toBe(1);
  expect(rig.gateway.records[0]).toMatchObject({ status: 499, error: "gateway/cancelled" });
  expect((await rig.asked()).status).toBe(200);
  expect(rig.upstream.received.length).toBe(2);
  gate.go();
  await first;
});
