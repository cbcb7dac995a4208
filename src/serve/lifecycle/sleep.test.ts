/** Models that sleep: what requests, lists, probes and metrics find, and a random walk against a model of what must hold. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { Login } from "../../session/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createEngine } from "../engine.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import { createApp } from "../http/app.ts";
import { testFleet } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets what is under way come to rest; no time passes. */
async function settled(): Promise<void> {
  for (let i = 0; i < 25; i++) await new Promise(resolve => setImmediate(resolve));
}
async function pass(ms: number): Promise<void> {
  await settled();
  await vi.advanceTimersByTimeAsync(ms);
  await settled();
}

async function served(options: Parameters<typeof testFleet>[1] = {}) {
  const made = await testFleet(device, options);
  const login = new Login({ info: { gateway: false, record: false } });
  const app = createApp({ engines: made.engines, fleet: made.fleet, login });
  const bearer = { authorization: `Bearer ${login.token}` };
  const call = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    );
    const text = await response.text();
    return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : undefined };
  };
  const ask = async (model: string, more: object = {}) => {
    const answer = await call("POST", "/v1/completions", { model, prompt: "x", max_tokens: 3, ...more });
    await settled();
    return answer;
  };
  const stateOf = (name: string) => made.fleet.list().find(v => v.name === name)?.state;
  return { ...made, app, bearer, call, ask, stateOf };
}
type Served = Awaited<ReturnType<typeof served>>;

/** Everything that lists models, without states and times. */
async function lists({ call, bearer }: Served) {
  const metrics = (await call("GET", "/metrics")).text;
  const labels = (series: string) => [...metrics.matchAll(new RegExp(`^${series}\\{model(?:_name)?="([^"]+)"`, "gm"))].map(m => m[1]);
  return {
    openai: (await call("GET", "/v1/models")).body.data.map((m: { id: string; root: string; aliases: string[]; max_model_len: number }) => [
      m.id,
      m.root,
      m.aliases,
      m.max_model_len,
    ]),
    ollama: (await call("GET", "/api/tags")).body.models.map((m: { name: string; size: number }) => [m.name, m.size]),
    admin: (await call("GET", "/v1/admin/models", undefined, bearer)).body.data.map((v: { id: string; labels: string[] }) => [
      v.id,
      v.labels,
    ]),
    readiness: Object.keys((await call("GET", "/readyz")).body.models),
    index: (await call("POST", "/v2/repository/index", {})).body,
    statistics: (await call("GET", "/v2/models/stats")).body.model_stats.map((m: { name: string; version: string }) => [m.name, m.version]),
    tensorflow: (await call("GET", "/v1/models/a")).body.model_version_status,
    gauges: ["loam_running_requests", "loam_queued_requests", "loam_slots", "loam_kv_cache_utilisation_ratio", "loam_engine_ready"].map(
      labels,
    ),
    vllm: ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"].map(labels),
  };
}

const probes = [
  "/readyz",
  "/health",
  "/readyz?model=a",
  "/ping",
  "/v2/health/ready",
  "/v2/models/a/ready",
  "/v2/models/a/versions/1/ready",
  "/v2/models/a",
  "/v2/models/a/config",
  "/v2/models/a/stats",
  "/v2/models/stats",
  "/v1/health",
  "/version",
  "/load",
  "/props?model=a",
  "/slots?model=a",
  "/v1/models/a",
  "/v1/models/a/versions/1",
  "/v1/models/a/metadata",
  "/v1/models",
  "/api/tags",
  "/api/ps",
  "/metrics",
];

test("keep_alive: 0 of one request makes no later request load the model again", async () => {
  for (const keepAliveMs of [undefined, 60_000]) {
    const { fleet, source, ask, stateOf } = await served(keepAliveMs === undefined ? {} : { keepAliveMs });
    await fleet.load("a", 1);
    for (const path of [0, "0", "0s", 0.001]) expect((await ask("a", { keep_alive: path })).status).toBe(200);
    await pass(59_000);
    expect((await ask("a")).status).toBe(200);
    expect([source.log, stateOf("a")]).toEqual([["+1"], "ready"]);
    await fleet.close();
  }
});

test("a request keeps its model for longer, and the next request sets the time anew", async () => {
  const { fleet, ask, stateOf } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await ask("a", { keep_alive: "10s" });
  await pass(9_999);
  expect(stateOf("a")).toBe("ready");
  await pass(1);
  expect(stateOf("a")).toBe("asleep");
  await ask("a", { keep_alive: -1 });
  await pass(86_400_000 * 40);
  expect([stateOf("a"), fleet.list()[0]!.keepAliveMs]).toEqual(["ready", null]);
  await ask("a");
  expect(fleet.list()[0]).toMatchObject({ keepAliveMs: 1000, expiresAt: Date.now() + 1000 });
  await pass(1000);
  expect(stateOf("a")).toBe("asleep");
  // further than one timer reaches
  await ask("a", { keep_alive: `${24 * 60}h` });
  await pass(86_400_000 * 59);
  expect(stateOf("a")).toBe("ready");
  await pass(86_400_000);
  expect(stateOf("a")).toBe("asleep");
  await fleet.close();
});

test("what an administrator's load says is the operator's word for that version", async () => {
  const { fleet, ask, stateOf, call, bearer } = await served();
  expect((await call("POST", "/v1/admin/load", { model: "a@1", keep_alive: "2s" }, bearer)).status).toBe(200);
  await ask("a", { keep_alive: 0 });
  await pass(1_999);
  expect(stateOf("a")).toBe("ready");
  await pass(1);
  expect(stateOf("a")).toBe("asleep");
  await fleet.close();
});

test("asleep, a model stays in every list with what was known of it, and in the metrics with zeros", async () => {
  const made = await served({ keepAliveMs: 1000 });
  const { fleet, engines, stateOf, call, ask } = made;
  await fleet.load("a", 1);
  await fleet.load("b", 2);
  const awake = await lists(made);
  const show = (await call("POST", "/api/show", { model: "a" })).text;
  await pass(1000);
  expect([stateOf("a"), stateOf("b"), engines.all()]).toEqual(["asleep", "asleep", []]);
  expect(await lists(made)).toEqual(awake);
  expect((await call("POST", "/api/show", { model: "a" })).text).toBe(show);
  const metrics = (await call("GET", "/metrics")).text;
  const zeros = [...metrics.matchAll(/^(loam_\w+|vllm:\w+)\{model(?:_name)?="[^"]+"\} (.*)$/gm)].filter(
    m => !/_total$|_sum$|_count$/.test(m[1]!),
  );
  expect(zeros.length).toBeGreaterThan(15);
  expect(new Set(zeros.map(m => m[2]))).toEqual(new Set(["0"]));
  // what loads again comes back to its place
  expect((await ask("b")).status).toBe(200);
  expect(await lists(made)).toEqual(awake);
  await fleet.close();
});

test("asleep, the only model is the one that is meant where none is named", async () => {
  const { fleet, call, source } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await pass(1000);
  const asked = await call("POST", "/invocations", { prompt: "x", max_tokens: 3 });
  expect([asked.status, asked.body.choices[0].text, source.log]).toEqual([200, "111", ["+1", "-1", "+1"]]);
  await fleet.close();
});

test("no probe wakes a model or keeps it awake, and each says that it is ready", async () => {
  const { fleet, call, source, stateOf } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  const all = async () => {
    for (const path of probes) {
      const { status, body } = await call("GET", path);
      expect([path, status]).toEqual([path, 200]);
      if (path.endsWith("/ready")) expect([path, body.ready]).toEqual([path, true]);
    }
    const { body } = await call("GET", "/v1/models/a/versions/1");
    expect(body.model_version_status).toMatchObject([{ state: "AVAILABLE", status: { error_code: "OK" } }]);
  };
  await pass(600);
  await all();
  await pass(400);
  expect(stateOf("a")).toBe("asleep");
  await all();
  await settled();
  expect([stateOf("a"), source.log]).toEqual(["asleep", ["+1", "-1"]]);
  await fleet.drain();
  await fleet.close();
});

test("a console page that shows a sleeping model wakes nothing", async () => {
  const { fleet, call, bearer, source } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await pass(1000);
  for (const path of ["/api/engine", "/api/engine?model=a", "/api/engine?model=a@1", "/api/serving", "/api/overview"])
    expect([path, (await call("GET", path, undefined, bearer)).status]).toEqual([path, 200]);
  expect((await call("GET", "/api/overview", undefined, bearer)).body.model).toMatchObject({ id: "a@1" });
  expect((await call("GET", "/api/engine?model=nobody", undefined, bearer)).status).toBe(404);
  await settled();
  expect(source.log).toEqual(["+1", "-1"]);
  await fleet.close();
});

test("a draining server is not ready, whoever sleeps", async () => {
  const { fleet, engines, call } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await pass(1000);
  await engines.drain();
  for (const path of ["/readyz", "/ping", "/v2/health/ready", "/v2/models/a/ready"]) expect((await call("GET", path)).status).toBe(503);
  await fleet.close();
});

test("the time without work begins with the end of the last answer, not with its beginning", async () => {
  const { fleet, source, app, stateOf } = await served({ keepAliveMs: 1000 });
  const model = await tinyModel(device, { id: "a@1", name: "a", version: 1 });
  let isHeld = false;
  let goOn = () => {};
  // a step that takes long
  const gate = () => (isHeld ? new Promise<void>(resolve => (goOn = resolve)) : undefined);
  const engine = createEngine({ model, device, open: async () => scriptedProgram({ slots: 2, gate }) });
  Object.assign(source, { open: async () => ({ engine, close: () => engine.close() }) });
  await fleet.load("a", 1);
  isHeld = true;
  const body = JSON.stringify({ model: "a", prompt: "x", max_tokens: 4, stream: true, ignore_eos: true });
  const headers = { "content-type": "application/json" };
  const response = await app.fetch(new Request("http://localhost/v1/completions", { method: "POST", headers, body }));
  await pass(5_050);
  expect([stateOf("a"), engine.stats().running]).toEqual(["ready", 1]);
  isHeld = false;
  goOn();
  expect(await response.text()).toContain("[DONE]");
  await settled();
  await pass(999);
  expect(stateOf("a")).toBe("ready");
  await pass(1);
  expect(stateOf("a")).toBe("asleep");
  await fleet.close();
});

test("requests that meet a sleeping model at once load it once; one that comes while it falls asleep wakes it", async () => {
  const { fleet, ask, source } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await pass(1000);
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask("a")));
  expect(answers.map(a => a.status)).toEqual(Array(8).fill(200));
  expect(source.log).toEqual(["+1", "-1", "+1"]);
  const falling = fleet.rest("a", 1);
  const during = ask("a");
  expect((await during).body.choices[0].text).toBe("111");
  await falling;
  expect(source.log).toEqual(["+1", "-1", "+1", "-1", "+1"]);
  await fleet.close();
});

test("a model that stays for no time at all answers those that waited for it before it sleeps again", async () => {
  const { fleet, ask, source, stateOf } = await served({ keepAliveMs: 0 });
  await fleet.load("a", 1);
  await pass(0);
  expect(stateOf("a")).toBe("asleep");
  let open = () => {};
  source.gate = () =>
    new Promise(resolve => {
      open = resolve;
    });
  const waiting = [ask("a"), ask("a"), ask("a")];
  await settled();
  open();
  for (let i = 0; i < 20; i++) await pass(1);
  expect((await Promise.all(waiting)).map(a => a.status)).toEqual([200, 200, 200]);
  expect(source.log).toEqual(["+1", "-1", "+1", "-1"]);
  await fleet.close();
});

test("a model that does not wake is an error of the request that asked, stays listed, and is tried again", async () => {
  const made = await served({ keepAliveMs: 1000 });
  const { fleet, source, ask, call, stateOf } = made;
  await fleet.load("a", 1);
  const before = await lists(made);
  await pass(1000);
  source.broken.add(1);
  const { status, body } = await ask("a");
  expect([status, body.error.code]).toEqual([503, "service_unavailable"]);
  expect(stateOf("a")).toBe("asleep");
  expect(await lists(made)).toEqual(before);
  expect((await call("GET", "/v1/admin/models", undefined, made.bearer)).body.data[0].error).toBe("version 1 is broken");
  source.broken.clear();
  expect((await ask("a")).status).toBe(200);
  await fleet.close();
});

test("a bare name means the same version whoever sleeps, and a shadow that sleeps is woken by its copies", async () => {
  const { fleet, ask, stateOf, source } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await fleet.load("a", 2);
  await pass(500);
  await ask("a@1");
  await pass(500);
  const states = () => fleet.list().map(v => v.state);
  expect(states()).toEqual(["ready", "asleep"]);
  expect((await ask("a")).body.choices[0].text).toBe("222");
  expect((await ask("a@latest")).body.choices[0].text).toBe("222");
  fleet.split("a", new Map([[1, 1]]), new Map([[2, 100]]));
  await pass(1000);
  expect([...states(), source.loaded.size]).toEqual(["asleep", "asleep", 0]);
  expect((await ask("a")).body.choices[0].text).toBe("111");
  await settled();
  expect(states()).toEqual(["ready", "ready"]);
  expect(stateOf("a")).toBe("ready");
  await fleet.close();
});

test("being told of a split model takes no turn of its shares", async () => {
  const { fleet, ask, call } = await served();
  await fleet.load("a", 1);
  await fleet.load("a", 2);
  const half = new Map([
    [1, 1],
    [2, 1],
  ]);
  fleet.split("a", half);
  const said: string[] = [];
  for (let i = 0; i < 6; i++) {
    for (const path of probes) await call("GET", path);
    said.push((await ask("a")).body.choices[0].text[0]);
  }
  expect(said.join("")).toMatch(/^(12){3}$|^(21){3}$/);
  await fleet.close();
});

test("a model that was offered is listed before anybody has loaded it, and is told of in full afterwards", async () => {
  const { fleet, call, ask, source } = await served();
  await fleet.load("a", 1);
  fleet.offer("tuned", 2);
  const ids = async () => (await call("GET", "/v1/models")).body.data.map((m: { root: string }) => m.root);
  expect(await ids()).toEqual(["a@1", "tuned@2"]);
  expect((await call("GET", "/api/tags")).body.models.map((m: { name: string }) => m.name)).toEqual(["a:1", "tuned:2"]);
  expect((await call("GET", "/v1/models/tuned")).body).toMatchObject({ id: "tuned", model_version_status: [{ state: "AVAILABLE" }] });
  expect(source.log).toEqual(["+1"]);
  // its metadata is in its files
  expect((await call("GET", "/v2/models/tuned")).body).toMatchObject({ name: "tuned", versions: ["2"] });
  expect(source.log).toEqual(["+1", "+2"]);
  expect((await ask("tuned")).status).toBe(200);
  expect(await ids()).toEqual(["a@1", "tuned@2"]);
  await fleet.unload("tuned", 2);
  expect(await ids()).toEqual(["a@1"]);
  await fleet.close();
});

test("a version that is unloaded while it sleeps leaves every list", async () => {
  const { fleet, call } = await served({ keepAliveMs: 1000 });
  await fleet.load("a", 1);
  await fleet.load("a", 2);
  await pass(1000);
  await fleet.unload("a", 1);
  expect((await call("GET", "/v1/models")).body.data.map((m: { root: string }) => m.root)).toEqual(["a@2"]);
  expect((await call("GET", "/metrics")).text).not.toContain('loam_slots{model="a@1"}');
  await fleet.close();
});

test("Ollama's unload is the administrator's: others are refused, and nothing sleeps", async () => {
  const { fleet, call, ask, bearer, stateOf, source } = await served();
  await fleet.load("a", 1);
  for (const [path, body] of [
    ["/api/generate", { model: "a", keep_alive: 0 }],
    ["/api/generate", { model: "a:1", prompt: "", keep_alive: "0s" }],
    ["/api/chat", { model: "a", messages: [], keep_alive: 0 }],
  ] as const) {
    const refused = await call("POST", path, body);
    expect([refused.status, typeof refused.body.error]).toEqual([401, "string"]);
    expect(stateOf("a")).toBe("ready");
    const { status, body: done } = await call("POST", path, body, bearer);
    expect([status, done]).toMatchObject([200, { done: true, done_reason: "unload" }]);
    expect(stateOf("a")).toBe("asleep");
    // asleep already
    expect((await call("POST", path, body, bearer)).status).toBe(200);
    expect((await ask("a")).status).toBe(200);
  }
  expect(source.log).toEqual(["+1", "-1", "+1", "-1", "+1", "-1", "+1"]);
  await fleet.close();
});

test("behind a gateway Ollama's unload is asked for as administration, not as the completion that its address is", async () => {
  const { fleet, app, stateOf } = await served();
  await fleet.load("a", 1);
  const unload = async (mayAdminister: boolean) => {
    const endpoints: string[] = [];
    const body = JSON.stringify({ model: "a", keep_alive: 0 });
    const request = new Request("http://localhost/api/generate", { method: "POST", headers: { "content-type": "application/json" }, body });
    const response = await app.fetch(request, undefined, async ({ endpoint }) => {
      endpoints.push(endpoint);
      return endpoint === "admin" && !mayAdminister ? new Response("{}", { status: 403 }) : undefined;
    });
    return [response.status, endpoints, stateOf("a")];
  };
  expect(await unload(false)).toEqual([403, ["completions", "admin"], "ready"]);
  expect(await unload(true)).toEqual([200, ["completions", "admin"], "asleep"]);
  await fleet.close();
});

test("/api/ps tells of loaded models alone, and when they go", async () => {
  const { fleet, call, ask } = await served({ keepAliveMs: 60_000 });
  await fleet.load("a", 1);
  await fleet.load("b", 2);
  await ask("b", { keep_alive: -1 });
  const ps = async () => (await call("GET", "/api/ps")).body.models;
  const soon = new Date(Date.now() + 60_000).toISOString();
  expect(await ps()).toMatchObject([
    { name: "a:1", expires_at: soon },
    { name: "b:2", expires_at: "9999-12-31T23:59:59Z" },
  ]);
  await pass(60_000);
  expect(await ps()).toMatchObject([{ name: "b:2" }]);
  await fleet.close();
});

/** What must hold of one model: the earliest time at which it may sleep, which no request makes earlier than the operator said. */
interface Expectation {
  readonly version: number;
  readonly operatorMs: number;
  isLoaded: boolean;
  sleepsAt: number;
}

test.each(Array.from({ length: rounds(30, 3) }, (_, i) => i + 1))(
  "whatever is asked, probed, unloaded and broken, lists never change, no model sleeps early, and none loads twice at once (walk %i)",
  async walk => {
    const r = random(`sleep ${walk}`);
    const made = await served();
    const { fleet, source, ask, call, bearer, stateOf } = made;
    const under = new Map<number, number>();
    const open = source.open;
    Object.assign(source, {
      open: async (name: string, version: number) => {
        expect(under.get(version) ?? 0).toBe(0);
        expect(source.loaded.has(version)).toBe(false);
        under.set(version, 1);
        return open(name, version).finally(() => under.set(version, 0));
      },
    });
    const models = new Map<string, Expectation>();
    for (const [name, version, operatorMs] of [
      ["a", 1, 1000],
      ["b", 2, Number.POSITIVE_INFINITY],
      ["c", 3, 0],
    ] as const) {
      fleet.keepAlive(name, operatorMs);
      await fleet.load(name, version);
      models.set(name, { version, operatorMs, isLoaded: true, sleepsAt: Date.now() + operatorMs });
    }
    const first = await lists(made);
    const wishes = [undefined, undefined, 0, "0", 0.2, "3s", 5, -1, "1ms"] as const;
    const msOf = (wish: (typeof wishes)[number]) =>
      wish === undefined
        ? 0
        : typeof wish === "number"
          ? wish < 0
            ? Number.POSITIVE_INFINITY
            : wish * 1000
          : ({ "0": 0, "3s": 3000, "1ms": 1 } as const)[wish];
    const steps: string[] = [];
    let states = "";
    for (let i = 0; i < 60; i++) {
      const name = ["a", "b", "c"][r.below(3)]!;
      const model = models.get(name)!;
      const dice = r.uniform();
      if (dice < 0.4) {
        const wish = wishes[r.below(wishes.length)];
        const count = 1 + r.below(3);
        steps.push(`ask ${name} ${wish} x ${count}`);
        const isBroken = source.broken.has(model.version) && !model.isLoaded;
        const all = Array.from({ length: count }, () => ask(name, wish === undefined ? {} : { keep_alive: wish }));
        for (const { status } of await Promise.all(all)) expect([steps, status]).toEqual([steps, isBroken ? 503 : 200]);
        if (!isBroken) Object.assign(model, { isLoaded: true, sleepsAt: Date.now() + Math.max(model.operatorMs, msOf(wish)) });
      } else if (dice < 0.6) {
        const path = probes[r.below(probes.length)]!;
        steps.push(path);
        expect([steps, (await call("GET", path)).status]).toEqual([steps, 200]);
      } else if (dice < 0.85) {
        const ms = [0, 1, 200, 999, 1000, 4000][r.below(6)]!;
        steps.push(`${ms} ms`);
        await pass(ms);
      } else if (dice < 0.95) {
        const isAdmin = r.uniform() < 0.5;
        steps.push(`unload ${name} ${isAdmin}`);
        const { status } = await call("POST", "/api/generate", { model: name, keep_alive: 0 }, isAdmin ? bearer : {});
        expect([steps, status]).toEqual([steps, isAdmin ? 200 : 401]);
        if (isAdmin) model.isLoaded = false;
      } else {
        steps.push(`break or mend ${name}`);
        if (!source.broken.delete(model.version)) source.broken.add(model.version);
      }
      await pass(0);
      for (const [of, m] of models) {
        if (m.isLoaded && Date.now() >= m.sleepsAt) m.isLoaded = false;
        expect([steps, of, stateOf(of), source.loaded.has(m.version)]).toEqual([steps, of, m.isLoaded ? "ready" : "asleep", m.isLoaded]);
      }
      const now = [...models.values()].map(m => m.isLoaded).join();
      if (now !== states || i === 59) expect(await lists(made)).toEqual(first);
      states = now;
    }
    await fleet.close();
    expect(source.loaded.size).toBe(0);
  },
);
