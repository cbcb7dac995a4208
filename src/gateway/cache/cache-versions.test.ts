/** The cache beside the gateway's other parts: reloads, rules, guards, slow readers. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { checkConfig } from "../config/read-config.ts";
import { begin, eventText, fakeUpstream, good, goodEvents, openAccess, roleChunk, wordChunk, words } from "../fakes.ts";
import { cacheRig, question, until } from "./rig.laws.ts";

const rig = cacheRig();

test("a reload keeps what is kept, unless its servers or the store are others", async () => {
  await rig.start();
  await rig.asked();
  const second = await fakeUpstream(good);
  const load = async (url: string, cache: object) => {
    const models = { chat: { targets: [{ upstream: "local", model: "inner" }] } };
    const file = { upstreams: { local: { url } }, models, cache, state: "memory:", log: { to: "none" }, access: openAccess };
    await rig.gateway.gateway.reload(await checkConfig(file, "g.yaml", "."), "test");
  };
  await load(rig.upstream.url, { charge: "tokens" });
  expect(await rig.how()).toBe("hit");
  await load(second.url, { charge: "tokens" });
  expect(await rig.how()).toBe("miss");
  await load(rig.upstream.url, { charge: "tokens" });
  expect(await rig.how()).toBe("hit");
  await load(rig.upstream.url, { entries: 5 });
  expect(await rig.how()).toBe("miss");
  await expect(load(rig.upstream.url, { models: ["cat"] })).rejects.toMatchObject({ problem: { place: "cache.models[0]" } });
  await expect(load(rig.upstream.url, { store: "postgres://u:hunter2@h/d" })).rejects.not.toThrow(/hunter2/);
  expect(await rig.how()).toBe("hit");
  await second.close();
});

test("rules that send a request to other targets keep its answers apart", async () => {
  const models = {
    chat: {
      targets: [
        { upstream: "local", model: "small" },
        { upstream: "local", model: "large", tags: ["large"] },
      ],
      rules: [
        { when: { headers: { "x-tier": "gold" } }, use: ["large"] },
        { when: { models: ["*"] }, use: ["local/small"] },
      ],
    },
  };
  await rig.start({}, { models });
  const gold = { headers: { "x-tier": "gold" } };
  expect([await rig.how(), await rig.how(question, gold), await rig.how(), await rig.how(question, gold)]).toEqual([
    "miss",
    "miss",
    "hit",
    "hit",
  ]);
  expect(rig.upstream.received.map(r => r.body.model)).toEqual(["small", "large"]);
});

test("a guard's placeholders are kept, and each gets their own data back", async () => {
  rig.upstream.script = (received, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const said = String((received.body.messages as { content: string }[])[0]!.content).match(/<\w+_1>/)?.[0] ?? "nobody";
    response.end(
      JSON.stringify({
        id: "c",
        object: "chat.completion",
        choices: [{ index: 0, message: { role: "assistant", content: `For ${said}.` }, finish_reason: "stop" }],
      }),
    );
  };
  await rig.start({}, { guards: { default: ["private"], private: { kind: "private" } } });
  const says = (who: string) => ({ ...question, messages: [{ role: "user", content: `Write to ${who} please.` }] });
  const [ann, bob] = [await rig.asked(says("ann.lee@corp-mail.com")), await rig.asked(says("bob.ray@other-mail.com"))];
  expect([ann.how, ann.text.includes("For ann.lee@corp-mail.com.")]).toEqual(["miss", true]);
  expect([bob.how, bob.text.includes("For bob.ray@other-mail.com."), bob.text.includes("ann.lee")]).toEqual(["hit", true, false]);
});

test("a client that takes nothing of a kept stream loses it", async () => {
  rig.upstream.script = (_, response) => {
    begin(response);
    response.end([roleChunk, ...words.map(w => wordChunk(w.repeat(40_000)))].map(eventText).join("") + goodEvents({}).slice(-2).join(""));
  };
  await rig.start({ answerBytes: 16_000_000 }, { timeouts: { reader: "300ms" } });
  const streamed = JSON.stringify({ ...question, stream: true });
  await rig.asked(JSON.parse(streamed) as object);
  const { hostname, port } = new URL(rig.gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${rig.gateway.key}\r\ncontent-length: ${streamed.length}\r\n\r\n${streamed}`,
  );
  socket.pause();
  await until(() => rig.gateway.records.length === 2);
  expect(rig.gateway.records[1]).toMatchObject({ status: 499, error: "gateway/slowReader", cache: "hit" });
  socket.destroy();
});
