/** Versions behind a name: from the first answer of a new one on, no answer of an old one is given; by what servers say and by what the file says. */
import { expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { checkConfig } from "../config/read-config.ts";
import { fakeUpstream, good, openAccess, type Script } from "../fakes.ts";
import { cacheRig, question } from "./rig.laws.ts";
import { Versions } from "./versions.ts";

const rig = cacheRig();
const says = (content: string, more: object = {}) => ({ ...question, messages: [{ role: "user", content }], ...more });

/** Answers as Loam's server does: with its version in a header, and here in the text. */
const of =
  (version: string | undefined): Script =>
  (received, response) => {
    if (version !== undefined) response.setHeader("x-loam-model", version);
    if (received.body.stream === true) return good(received, response);
    response.writeHead(200, { "content-type": "application/json" });
    const choices = [{ index: 0, message: { role: "assistant", content: `by ${version}` }, finish_reason: "stop" }];
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices }));
  };

for (const store of ["memory", "state"])
  test(`a new version's first answer ends those of the old, and an old version that comes back finds its own (${store})`, async () => {
    await rig.start({ store });
    rig.upstream.script = of("mail@1");
    expect([await rig.how(says("a")), await rig.how(says("a")), await rig.how(says("b"))]).toEqual(["miss", "hit", "miss"]);
    rig.upstream.script = of("mail@2");
    // until it has answered nobody knows of it
    expect((await rig.asked(says("a"))).text).toContain("by mail@1");
    expect(await rig.how(says("c"))).toBe("miss");
    for (const known of ["a", "b"]) {
      const first = await rig.asked(says(known));
      expect([first.how, first.text]).toEqual(["miss", expect.stringContaining("by mail@2")]);
      expect(await rig.how(says(known))).toBe("hit");
    }
    rig.upstream.script = of("mail@1");
    await rig.asked(says("d"));
    expect((await rig.asked(says("a"))).text).toContain("by mail@1");
  });

test("the answer that tells of a new version is itself kept under it, whole and streamed", async () => {
  for (const stream of [false, true]) {
    await rig.start();
    rig.upstream.script = of("mail@1");
    await rig.asked(says("a", { stream }));
    rig.upstream.script = of("mail@2");
    expect(await rig.how(says("b", { stream }))).toBe("miss");
    expect(await rig.how(says("b", { stream }))).toBe("hit");
    rig.upstream.script = of("mail@1");
    await rig.asked(says("c", { stream }));
    expect(await rig.how(says("b", { stream }))).toBe("miss");
    if (!stream) await rig.gateway.close();
  }
});

test("a server that says no version any more is another one; answers that the cache passes by tell of versions too", async () => {
  await rig.start();
  rig.upstream.script = of("mail@1");
  await rig.asked(says("a"));
  rig.upstream.script = of(undefined);
  expect(await rig.how(says("b", { temperature: 1 }))).toBe("bypass");
  expect(await rig.how(says("a"))).toBe("miss");
  expect(await rig.how(says("a"))).toBe("hit");
});

test("a model that is not kept, on the same target, tells of a version for the one that is", async () => {
  const targets = [{ upstream: "local", model: "inner" }];
  await rig.start({ models: ["chat"] }, { models: { chat: { targets }, other: { targets } } });
  rig.upstream.script = of("mail@1");
  await rig.asked(says("a"));
  rig.upstream.script = of("mail@2");
  await rig.asked(says("x", { model: "other" }));
  expect(await rig.how(says("a"))).toBe("miss");
});

test("versions of one target are not another's, and a reload forgets none", async () => {
  const second = await fakeUpstream(of("news@7"));
  const upstreams = { local: { url: rig.upstream.url }, second: { url: second.url } };
  const models = { chat: { targets: [{ upstream: "local" }] }, news: { targets: [{ upstream: "second" }] } };
  await rig.start({}, { upstreams, models });
  rig.upstream.script = of("mail@1");
  await rig.asked(says("a"));
  await rig.asked(says("a", { model: "news" }));
  expect(await rig.how(says("a"))).toBe("hit");
  const file = { upstreams, models, cache: { charge: "tokens" }, state: "memory:", log: { to: "none" }, access: openAccess };
  await rig.gateway.gateway.reload(await checkConfig(file, "g.yaml", "."), "test");
  expect([await rig.how(says("a")), await rig.how(says("a", { model: "news" }))]).toEqual(["hit", "hit"]);
  await second.close();
});

test("a version that the file names is part of what the same is", async () => {
  const load = async (version?: string) => {
    const chat = { targets: [{ upstream: "local", model: "inner" }], ...defined({ version }) };
    const file = { upstreams: { local: { url: rig.upstream.url } }, models: { chat }, cache: {}, state: "memory:", log: { to: "none" } };
    await rig.gateway.gateway.reload(await checkConfig({ ...file, access: openAccess }, "g.yaml", "."), "test");
  };
  await rig.start();
  await load("1");
  expect([await rig.how(), await rig.how()]).toEqual(["miss", "hit"]);
  await load("2");
  expect(await rig.how()).toBe("miss");
  await load();
  expect(await rig.how()).toBe("miss");
  await load("1");
  expect(await rig.how()).toBe("hit");
  await expect(load("")).rejects.toThrow(/models\.chat\.version/);
});

test("an answer that another server went on with is not kept where versions are told: its halves may be of two", async () => {
  const half: Script = (received, response) => {
    response.setHeader("x-loam-model", rig.upstream.received.length > 1 ? "mail@2" : "mail@1");
    if (rig.upstream.received.length > 1) return good(received, response);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"one "}}]}\n\n');
    setTimeout(() => response.destroy(), 20);
  };
  rig.upstream.script = half;
  await rig.start({}, { upstreams: { local: { url: rig.upstream.url, resume: "vllm" } }, retries: { attempts: 2, budget: 1 } });
  const first = await rig.asked(says("a", { stream: true }));
  expect(first.text).toContain("[DONE]");
  expect(rig.upstream.received.length).toBe(2);
  expect(await rig.how(says("a", { stream: true }))).toBe("miss");
});

test("what targets have said does not depend on their order", () => {
  const versions = new Versions();
  const targets = ["b/x", "a/x", "c/x"].map(id => ({ id }));
  expect(versions.of(targets)).toEqual([]);
  versions.heard("b/x", "2");
  versions.heard("a/x", "1");
  versions.heard("elsewhere/x", "9");
  expect(versions.of(targets)).toEqual(["a/x", "1", "b/x", "2"]);
  expect(versions.of(targets.toReversed())).toEqual(versions.of(targets));
  versions.heard("b/x", undefined);
  expect(versions.of(targets)).toEqual(["a/x", "1"]);
});
