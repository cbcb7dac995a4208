/** What is never given again: errors, parts, what a filter changed, what chance or the world decides. */
import { expect, test } from "vitest";
import { begin, eventText, fakeUpstream, good, goodEvents, roleChunk, type Script, status, wordChunk, words } from "../fakes.ts";
import { cacheRig, gated, messages, path, question, until } from "./rig.laws.ts";

const rig = cacheRig();

const faults: Record<string, Script> = {
  "a 400": status(400),
  "a 429": status(429),
  "a 500": status(500),
  "an error inside of a 200": (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"error":{"message":"lost"}}');
  },
  "half of an answer": (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
    response.write('{"id":"x","choices":');
    setTimeout(() => response.destroy(), 20);
  },
  "a filtered answer": (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}');
  },
  "an answer by the common threshold": (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "x-loam-common-threshold": "1" });
    response.end('{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}');
  },
  "an answer whose end is not said": (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"choices":[{"message":{"content":"x"},"finish_reason":null}]}');
  },
};
const some = (count: number) => [roleChunk, ...words.slice(0, count).map(wordChunk)].map(eventText).join("");
const streamFaults: Record<string, Script> = {
  "a stream cut in the middle": (_, response) => {
    begin(response);
    response.write(some(30));
    setTimeout(() => response.destroy(), 20);
  },
  "a stream closed in the middle": (_, response) => {
    begin(response);
    response.end(some(30));
  },
  "an error in the middle of a stream": (_, response) => {
    begin(response);
    response.end(some(30) + eventText({ error: { message: "gpu lost" } }));
  },
  "nonsense in the middle of a stream": (_, response) => {
    begin(response);
    response.end(`${some(30)}data: {nonsense\n\n`);
  },
  "a filtered stream": (_, response) => {
    begin(response);
    const last = { ...wordChunk(""), choices: [{ index: 0, delta: {}, finish_reason: "content_filter" }] };
    response.end(some(30) + [last, "[DONE]"].map(eventText).join(""));
  },
};
for (const [isStream, list] of [
  [false, faults],
  [true, streamFaults],
] as const)
  for (const [what, script] of Object.entries(list))
    test(`${what} is never kept`, async () => {
      rig.upstream.script = script;
      // a wide breaker, so that the second request reaches the server
      await rig.start();
      const body = { ...question, stream: isStream };
      await rig.asked(body);
      expect(rig.gateway.gateway.cache?.state()).toMatchObject({ entries: 0, kept: 0 });
      rig.upstream.script = good;
      await until(() => rig.gateway.gateway.inFlight === 0);
      rig.gateway.gateway.runtime.upstream("local").rest("inner", 0);
      const next = await rig.asked(body);
      expect([next.status, next.how]).toEqual([200, "miss"]);
      expect(next.text).toContain(isStream ? words[59]!.trim() : words.join(""));
      expect(await rig.how(body)).toBe("hit");
    });

test("a stream that its client left is not kept", async () => {
  await rig.start();
  const gate = gated();
  rig.upstream.script = async (_, response) => {
    begin(response);
    response.write(some(3));
    await gate.passed;
    response.end(goodEvents({}).slice(4).join(""));
  };
  const response = await rig.gateway.post(path, { ...question, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => rig.gateway.records.length === 1);
  gate.go();
  expect(rig.gateway.gateway.cache?.state()).toMatchObject({ kept: 0, underWay: 0 });
  rig.upstream.script = good;
  expect(await rig.how({ ...question, stream: true })).toBe("miss");
});

test("an answer of a model that stood in is not kept for the one that was asked", async () => {
  const second = await fakeUpstream(good);
  rig.upstream.script = status(500);
  await rig.start(
    {},
    {
      upstreams: { local: { url: rig.upstream.url, breaker: { failures: 1000, open: "1s" } }, second: { url: second.url } },
      models: { chat: { targets: [{ upstream: "local" }], fallbacks: ["spare"] }, spare: { targets: [{ upstream: "second" }] } },
    },
  );
  expect((await rig.asked()).headers.get("x-loam-target")).toBe("second/spare");
  expect(await rig.how()).toBe("miss");
  await second.close();
});

test("what chance decides is asked each time, unless the file says `any`", async () => {
  await rig.start();
  for (const body of [
    { model: "chat", messages },
    { ...question, temperature: 0.7 },
  ]) {
    expect(await rig.how(body)).toBe("bypass");
    expect(await rig.how(body)).toBe("bypass");
  }
  expect(await rig.how({ model: "chat", messages, temperature: 1, seed: 7 })).toBe("miss");
  expect(await rig.how({ model: "chat", messages, temperature: 1, seed: 7 })).toBe("hit");
  await rig.gateway.close();
  await rig.start({ any: true });
  expect([await rig.how({ model: "chat", messages }), await rig.how({ model: "chat", messages })]).toEqual(["miss", "hit"]);
});

test("what depends on more than the request is asked each time", async () => {
  await rig.start({ exceptDataClasses: ["personal"] });
  for (const more of [{ store: true }, { seed: 2 ** 53 }, { tools: [{ type: "web_search" }] }, { web_search_options: {} }])
    expect(await rig.how({ ...question, ...more })).toBe("bypass");
  expect(await rig.how(question, { headers: { "x-loam-data-class": "personal" } })).toBe("bypass");
  expect(rig.gateway.gateway.cache?.state().kept).toBe(0);
  // JSON's 1e999 is no number of JavaScript's
  // text that no object would be written as
  expect((await rig.asked(`{"model":"chat","messages":[],"temperature":0,"top_k":1e999}` as unknown as object)).how).toBe("bypass");
});
