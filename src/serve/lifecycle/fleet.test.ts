import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createApp } from "../http/app.ts";
import { testFleet } from "./fakes.ts";
import type { RulesData } from "./labels.ts";

const device = openDevice("cpu", { threads: 1 });

/** A server over a fleet, and what one asks of it. */
async function served(options: Parameters<typeof testFleet>[1] = {}) {
  const made = await testFleet(device, options);
  const app = createApp({ engines: made.engines, fleet: made.fleet, hosts: "any", admin: true });
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    );
    return { status: response.status, model: response.headers.get("x-loam-model"), text: await response.text() };
  };
  /** What the answer says: its version's digit, repeated. */
  const ask = async (model: string, more: object = {}, headers: Record<string, string> = {}) => {
    const { status, model: by, text } = await post("/v1/completions", { model, prompt: "x", max_tokens: 5, ...more }, headers);
    const body = "stream" in more ? undefined : JSON.parse(text);
    return { status, by, said: body?.choices?.[0]?.text as string, error: body?.error, text };
  };
  const get = async (path: string) => {
    const response = await app.fetch(new Request(`http://localhost${path}`));
    return { status: response.status, body: JSON.parse(await response.text()) };
  };
  return { ...made, app, post, ask, get };
}
const ticks = async (n: number) => {
  for (let i = 0; i < n; i++) await new Promise(resolve => setImmediate(resolve));
};

test.each([1, 2, 3, 4])("whatever comes and goes, every request is answered once, by one version, whole (seed %i)", async seed => {
  const r = random(`fleet ${seed}`);
  const { fleet, source, ask, engines } = await served();
  await fleet.load("m", 1);
  await fleet.load("m", 2);
  // version 1 is never unloaded: the bare name always has somebody
  const asked: Promise<{ model: string; status: number; said: string; by: string | null }>[] = [];
  const changes: Promise<unknown>[] = [];
  const quietly = (change: () => unknown) => changes.push((async () => change())().catch(() => {}));
  for (let i = 0; i < 150; i++) {
    const dice = r.uniform();
    if (dice < 0.6) {
      const model = ["m", "m", "m", "m@2", "m@3", "m@gold"][r.below(6)]!;
      const maxTokens = 1 + r.below(12);
      const isStreaming = r.uniform() < 0.5;
      asked.push(
        (async () => {
          const answer = await ask(model, { max_tokens: maxTokens, ...(isStreaming ? { stream: true } : {}) });
          const said =
            isStreaming && answer.status === 200
              ? [...answer.text.matchAll(/"text":"(\d*)"/g)].map(m => m[1]).join("")
              : (answer.said ?? "");
          if (answer.status === 200) {
            expect(said).toBe(answer.by!.slice(-1).repeat(maxTokens));
            if (isStreaming) expect(answer.text.match(/\[DONE\]/g)).toHaveLength(1);
          }
          return { model, status: answer.status, said, by: answer.by };
        })(),
      );
    } else if (dice < 0.75) quietly(() => fleet.load("m", 2 + r.below(2)));
    else if (dice < 0.9) quietly(() => fleet.unload("m", 2 + r.below(2), { force: r.uniform() < 0.5 }));
    else if (dice < 0.95) quietly(() => fleet.label("m", "gold", 1 + r.below(3)));
    else
      quietly(() =>
        fleet.split(
          "m",
          new Map([
            [1, 1 + r.below(3)],
            [2, r.below(2)],
            [3, r.below(2)],
          ]),
        ),
      );
    if (r.uniform() < 0.5) await ticks(r.below(6));
  }
  const answers = await Promise.all(asked);
  await Promise.all(changes);
  for (const { model, status, said, by } of answers) {
    if (model === "m") expect(status).toBe(200);
    // a version or label that is not there now is said to be so, and nothing else goes wrong
    else expect([200, 404, 503]).toContain(status);
    if (status !== 200) continue;
    expect(new Set(said)).toEqual(new Set([by!.slice(-1)]));
    if (model === "m@2" || model === "m@3") expect(by).toBe(model);
  }
  expect(answers.filter(a => a.status === 200).length).toBeGreaterThan(30);
  // what is in memory is what is listed, and nothing is left of the rest
  expect([...source.loaded].sort()).toEqual(fleet.list().map(v => v.version));
  expect(
    engines
      .all()
      .map(e => e.model.version)
      .toSorted(),
  ).toEqual([...source.loaded].sort());
  expect(fleet.list().every(v => v.users === 0)).toBe(true);
  await fleet.close();
  expect(source.loaded.size).toBe(0);
});

test("a swap is complete before the old version goes, and answers under way end with the version they began with", async () => {
  const { fleet, source, ask } = await served();
  await fleet.follow("m", { kind: "latest", count: 1 });
  expect(source.log).toEqual(["+3"]);
  const long = ask("m", { max_tokens: 60 });
  await ticks(4);
  source.there = [3, 4];
  const swap = fleet.follow("m");
  const during = await Promise.all(Array.from({ length: 12 }, () => ask("m")));
  expect(during.every(a => a.status === 200)).toBe(true);
  await swap;
  expect((await long).said).toBe("3".repeat(60));
  expect((await ask("m")).said).toBe("44444");
  expect(source.log).toEqual(["+3", "+4", "-3"]);
  await fleet.close();
});

test("a load that fails leaves what served serving, and says why", async () => {
  const { fleet, source, ask, get } = await served();
  source.there = [1, 2];
  source.broken.add(2);
  await fleet.load("m", 1);
  expect(await fleet.follow("m", { kind: "latest", count: 1 })).toEqual([expect.objectContaining({ message: "version 2 is broken" })]);
  expect(await ask("m")).toMatchObject({ status: 200, said: "11111" });
  expect((await get("/readyz")).status).toBe(200);
  expect(fleet.list()).toMatchObject([
    { version: 1, state: "ready", labels: ["latest"] },
    { version: 2, state: "failed", error: "version 2 is broken" },
  ]);
  expect((await ask("m@2")).status).toBe(503);
  // half a load leaves nothing in memory
  expect(source.loaded).toEqual(new Set([1]));
  source.broken.clear();
  expect(await fleet.follow("m")).toEqual([]);
  expect((await ask("m")).said).toBe("22222");
  expect(fleet.list()).toMatchObject([{ version: 2, state: "ready", error: null }]);
  await fleet.close();
});

test("policies load what they want: the latest, all, or those that are named", async () => {
  const { fleet, source } = await served();
  const loaded = () => [...source.loaded].sort();
  await fleet.follow("m", { kind: "latest", count: 2 });
  expect(loaded()).toEqual([2, 3]);
  await fleet.follow("m", { kind: "all" });
  expect(loaded()).toEqual([1, 2, 3]);
  await fleet.follow("m", { kind: "specific", versions: [2] });
  expect(loaded()).toEqual([2]);
  // what a label points at stays
  fleet.label("m", "gold", 2);
  await fleet.follow("m", { kind: "latest", count: 1 });
  expect(loaded()).toEqual([2, 3]);
  await fleet.close();
});

test("the share of A/B is exact over a cycle, whoever else asks in between; a user stays", async () => {
  const { fleet, ask } = await served();
  await fleet.load("m", 1);
  await fleet.load("m", 2);
  fleet.split(
    "m",
    new Map([
      [1, 7],
      [2, 3],
    ]),
  );
  const bodies: string[] = [];
  const perUser = new Map<string, Set<string>>();
  for (let i = 0; i < 40; i++) {
    bodies.push((await ask("m")).said[0]!);
    const user = `u${i % 5}`;
    const how = i % 2 ? await ask("m", { user }) : await ask("m", {}, { "x-loam-user": user });
    perUser.set(user, (perUser.get(user) ?? new Set()).add(how.said[0]!));
    await ask("m@1");
  }
  for (let c = 0; c < 4; c++) expect(bodies.slice(10 * c, 10 * c + 10).filter(v => v === "2")).toHaveLength(3);
  for (const versions of perUser.values()) expect(versions.size).toBe(1);
  await fleet.close();
});

test("a shadow gets copies of exactly its share, and nobody sees its answers", async () => {
  const { fleet, engines, ask, app } = await served();
  await fleet.load("m", 1);
  await fleet.load("m", 2);
  fleet.split("m", new Map([[1, 1]]), new Map([[2, 25]]));
  for (let i = 0; i < 40; i++) expect((await ask("m")).said).toBe("11111");
  await ticks(50);
  const asked = (version: number) => engines.find(`m@${version}`).stats().requests;
  expect([asked(1), asked(2)]).toEqual([40, 10]);
  expect(app.inFlight).toBe(0);
  const metrics = await (await app.fetch(new Request("http://localhost/metrics"))).text();
  expect(metrics).toMatch(/loam_http_requests_total\{method="POST",route="\/v1\/completions",status="200"\} 40/);
  await fleet.close();
});

test("a request whose address names the model, or that names none beside two versions of one, is answered and copied to a shadow", async () => {
  const { fleet, engines, app } = await served();
  await fleet.load("m", 1);
  await fleet.load("m", 2);
  fleet.split("m", new Map([[1, 1]]), new Map([[2, 100]]));
  const asked = (version: number) => engines.find(`m@${version}`).stats().requests;
  const requests: readonly (readonly [path: string, body: object])[] = [
    ["/v2/models/m/generate", { text_input: "a", parameters: { max_tokens: 2 } }],
    ["/v1/models/m:predict", { instances: [{ text: "a" }] }],
    ["/invocations", { prompt: "a", max_tokens: 2 }],
    ["/invocations", { instances: [{ text: "a" }] }],
  ];
  for (const [i, [path, body]] of requests.entries()) {
    const headers = { "content-type": "application/json" };
    const response = await app.fetch(new Request(`http://localhost${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
    expect(response.status, `${path} ${await response.text()}`).toBe(200);
    await expect.poll(() => [asked(1), asked(2)], { message: path }).toEqual([i + 1, i + 1]);
  }
  // one that names a version is for that version alone
  await app.fetch(
    new Request("http://localhost/v2/models/m/versions/1/generate", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(requests[0]![1]),
    }),
  );
  await ticks(50);
  expect([asked(1), asked(2)]).toEqual([5, 4]);
  await fleet.close();
});

test("labels move only to loaded versions; what is pointed at is not unloaded; unknown ones are named", async () => {
  const { fleet, ask, post } = await served();
  await fleet.load("m", 1);
  expect(() => fleet.label("m", "gold", 2)).toThrow(/expected a version of m that is served: 1, got 2/);
  fleet.label("m", "gold", 1);
  expect((await ask("m@gold")).said).toBe("11111");
  await expect(fleet.unload("m", 1)).rejects.toThrow(/label "gold"/);
  await fleet.load("m", 2);
  fleet.label("m", "gold", 2);
  expect((await ask("m@gold")).said).toBe("22222");
  await fleet.unload("m", 1);
  for (const [model, message] of [
    ["m@1", /a version of m that is served: 2, got 1/],
    ["m@silver", /a label of m: gold, latest, got \\?"silver/],
    ["n", /one of m@2/],
  ] as const) {
    const { status, error } = await ask(model);
    expect([status, error.code, error.param]).toEqual([404, "model_not_found", "model"]);
    expect(error.message).toMatch(message);
  }
  expect(() => fleet.label("m", "3", 2)).toThrow(/label/);
  expect(() => fleet.label("m", "latest", 2)).toThrow(/label/);
  expect(await post("/v1/admin/unload", { model: "m@2" })).toMatchObject({ status: 409 });
  expect(await post("/v1/admin/unload", { model: "m@2", force: true })).toMatchObject({ status: 200 });
  expect((await ask("m")).status).toBe(404);
  await fleet.close();
});

test("what points at versions is told whenever it changes, and another fleet restores it, loading what it needs first", async () => {
  const told: RulesData[] = [];
  const { fleet } = await testFleet(device, { onRules: (_, rules) => told.push(rules) });
  for (const version of [1, 2, 3]) await fleet.load("m", version);
  fleet.label("m", "gold", 2);
  fleet.split(
    "m",
    new Map([
      [1, 9],
      [2, 1],
    ]),
    new Map([[3, 50]]),
  );
  const last = told.at(-1)!;
  expect(last).toEqual({ labels: { gold: 2 }, weights: { 1: 9, 2: 1 }, shadow: { 3: 50 } });
  const again = await testFleet(device);
  again.source.there = [1, 2];
  await again.fleet.load("m", 1);
  const restored = again.fleet.restore("m", JSON.parse(JSON.stringify(last)) as RulesData);
  expect(again.fleet.isReady).toBe(false);
  expect(await restored).toMatchObject([{ code: "serve/unknownVersion" }]);
  expect(again.fleet.isReady).toBe(true);
  expect(again.fleet.list().map(v => [v.version, v.state, v.labels, v.weight, v.shadow])).toEqual([
    [1, "ready", [], 9, null],
    [2, "ready", ["gold", "latest"], 1, null],
  ]);
  await fleet.close();
  await again.fleet.close();
});

test("labels of the record are the record's to keep, until somebody moves them", async () => {
  const told: RulesData[] = [];
  const { fleet, source } = await testFleet(device, { onRules: (_, rules) => told.push(rules) });
  source.labels.set(1, ["stable", "old"]);
  await fleet.load("m", 1);
  await fleet.load("m", 2);
  fleet.label("m", "stable", 2);
  expect(told).toEqual([{ labels: { stable: 2 }, weights: {}, shadow: {} }]);
  await fleet.close();
});

test("an idle model sleeps, gives its memory back, and the next request wakes it; many at once wake it once", async () => {
  const { fleet, source, ask, get } = await served({ keepAliveMs: 15 });
  await fleet.load("m", 1);
  expect((await ask("m", { keep_alive: 0 })).said).toBe("11111");
  await expect.poll(() => fleet.list()[0]!.state).toBe("asleep");
  expect(source.loaded.size).toBe(0);
  // it would answer
  expect((await get("/readyz")).status).toBe(200);
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask("m@1", { keep_alive: -1 })));
  expect(answers.map(a => a.said)).toEqual(Array(8).fill("11111"));
  expect(source.log).toEqual(["+1", "-1", "+1"]);
  expect(fleet.list()).toMatchObject([{ state: "ready", keepAliveMs: null }]);
  expect(await ask("m", { keep_alive: "soon" })).toMatchObject({ status: 400, error: { param: "keep_alive" } });
  await fleet.close();
});

test("a model that does not wake is a 503, and is tried again by the next request", async () => {
  const { fleet, source, ask } = await served();
  await fleet.load("m", 1);
  await fleet.rest("m", 1);
  expect(fleet.list()[0]!.state).toBe("asleep");
  source.broken.add(1);
  expect((await ask("m")).status).toBe(503);
  source.broken.clear();
  expect(await ask("m")).toMatchObject({ status: 200, said: "11111" });
  await fleet.close();
});

test("while a first load is under way a request is told so, and is not kept waiting", async () => {
  const { fleet, source, ask, get } = await served();
  let open = () => {};
  source.gate = () =>
    new Promise<void>(resolve => {
      open = resolve;
    });
  const loading = fleet.load("m", 1);
  await ticks(2);
  expect((await ask("m")).status).toBe(503);
  expect((await get("/readyz")).status).toBe(503);
  expect((await get("/healthz")).status).toBe(200);
  open();
  await loading;
  expect((await get("/readyz?model=m")).status).toBe(200);
  expect((await get("/readyz?model=x")).status).toBe(404);
  await fleet.close();
});

test("who closes while a version loads leaves nothing behind", async () => {
  const { fleet, source } = await served();
  const loading = fleet.load("m", 1).catch(e => e.code);
  await fleet.close();
  expect(await loading).toBe("serve/draining");
  expect(source.loaded.size).toBe(0);
  await expect(fleet.load("m", 2)).rejects.toThrow(/shutting down/);
});

test("a load that takes long holds neither the drain nor the close; what it loads is freed when it is there", async () => {
  const { fleet, source } = await served();
  let go: () => void = () => {};
  source.gate = () =>
    new Promise<void>(resolve => {
      go = resolve;
    });
  const load = fleet.load("m", 1).catch((error: unknown) => error);
  await ticks(3);
  await fleet.drain();
  await fleet.close();
  expect(source.log).toEqual([]);
  go();
  expect(String(await load)).toContain("shutting down");
  expect([source.log, source.loaded.size]).toEqual([["+1", "-1"], 0]);
});

test("a guarded label is the record's alone: no route sets it, and it goes where the record goes once that is loaded", async () => {
  const { fleet, source } = await served({ isGuarded: (_, label) => label === "prod" });
  let prod = 1;
  source.labels.set(1, ["prod"]);
  Object.assign(source, { aliases: async () => ({ prod }) });
  const where = () => fleet.list().find(v => v.labels.includes("prod"))?.version;
  await fleet.load("m", 1);
  await fleet.load("m", 3);
  for (const version of [3, undefined]) expect(() => fleet.label("m", "prod", version)).toThrow(/no release guards.*loam models promote/);
  expect(where()).toBe(1);
  prod = 2;
  source.broken.add(2);
  expect(await fleet.followAliases("m")).toHaveLength(1);
  expect(where()).toBe(1);
  source.broken.delete(2);
  expect(await fleet.followAliases("m")).toEqual([]);
  expect(where()).toBe(2);
  // what was written down of it does not count
  await fleet.restore("m", { labels: { prod: 3 }, weights: {}, shadow: {} });
  expect(where()).toBe(2);
  await fleet.close();
});

test("a new alias of a loaded version becomes its label; one that an operator took away does not come back by itself", async () => {
  const { fleet, source } = await served();
  const aliases: Record<string, number> = {};
  Object.assign(source, { aliases: async () => ({ ...aliases }) });
  await fleet.load("m", 1);
  const labels = () =>
    fleet
      .list()
      .flatMap(v => v.labels.map(label => `${v.version}:${label}`))
      .sort();
  Object.assign(aliases, { gold: 1, later: 2, "not a label": 1 });
  expect(await fleet.followAliases("m")).toEqual([]);
  // version 2 is not loaded, and nothing says that it should be
  expect(labels()).toEqual(["1:gold", "1:latest"]);
  await fleet.load("m", 3);
  fleet.label("m", "own", 3);
  aliases.own = 1;
  fleet.label("m", "gold", undefined);
  await fleet.followAliases("m");
  expect(labels()).toEqual(["3:latest", "3:own"]);
  fleet.label("m", "gold", 3);
  await fleet.followAliases("m");
  expect(labels()).toEqual(["3:gold", "3:latest", "3:own"]);
  await fleet.close();
});

test("a bare name that means a label goes where the label goes, back too; a split goes before it", async () => {
  const { fleet, source, ask } = await served();
  let prod = 2;
  source.labels.set(2, ["prod"]);
  Object.assign(source, { aliases: async () => ({ prod }) });
  fleet.meanLabel("m", "prod");
  await fleet.load("m", 2);
  expect(await ask("m")).toMatchObject({ status: 200, by: "m@2" });
  prod = 3;
  expect(await fleet.followAliases("m")).toEqual([]);
  expect(await ask("m")).toMatchObject({ by: "m@3", said: "33333" });
  prod = 2;
  expect(await fleet.followAliases("m")).toEqual([]);
  // version 3 is newer and still there
  expect(await ask("m@3")).toMatchObject({ status: 200, by: "m@3" });
  expect(await ask("m")).toMatchObject({ by: "m@2", said: "22222" });
  expect(await ask("m@latest")).toMatchObject({ by: "m@3" });
  fleet.split("m", new Map([[3, 1]]), new Map());
  expect(await ask("m")).toMatchObject({ by: "m@3" });
  fleet.split("m", new Map(), new Map());
  expect(await ask("m")).toMatchObject({ by: "m@2" });
  await fleet.close();
});

test("a version that is offered is loaded by the first request for it, and the server is ready all the while", async () => {
  const { fleet, source, ask, get } = await served();
  await fleet.load("m", 1);
  const isReady = async () => (await get("/readyz")).status === 200;
  fleet.offer("tuned", 2);
  expect(source.log).toEqual(["+1"]);
  let open = () => {};
  source.gate = () => new Promise(resolve => (open = resolve));
  const asked = ask("tuned");
  const loaded = fleet.load("tuned", 2);
  await ticks(3);
  expect(await isReady()).toBe(true);
  open();
  expect(await asked).toMatchObject({ status: 200, by: "tuned@2", said: "22222" });
  await loaded;
  // what serves is left alone
  fleet.offer("m", 1);
  expect(await ask("m")).toMatchObject({ status: 200, by: "m@1" });
  expect(source.log).toEqual(["+1", "+2"]);
  await fleet.close();
});
