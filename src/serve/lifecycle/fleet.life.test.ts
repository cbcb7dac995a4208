/** Loading and unloading real weights in one process, and the end of a server with real sockets. */
import { get } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { deepTest, rounds } from "../../../test/support/deep.ts";
import { treeFrom, treeLeaves } from "../../base/index.ts";
import { type ArraysOf, type DecoderSpec, decoderSpec, disposeTree, llamaConfig, type ParameterSpec } from "../../nn/index.ts";
import { type Device, type DeviceArray, openDevice, sizeOf } from "../../tensor/index.ts";
import { createEngine } from "../engine.ts";
import { Engines } from "../engines.ts";
import { byteTokenizer, tinyModel } from "../fakes.ts";
import { createApp } from "../http/app.ts";
import { listen } from "../listen.ts";
import { testFleet } from "./fakes.ts";
import { Fleet } from "./fleet.ts";
import { giveMemoryBack } from "./give-memory-back.ts";

const device = openDevice("cpu", { threads: 1 });
const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);

// 25 million parameters: 100 MB, against which everything else is small
const config = llamaConfig({ vocab: 257, width: 512, layers: 6, heads: 8, context: 128 });
const weightBytes = 4 * 6 * (4 * 512 ** 2 + 3 * 512 * 2048);

/** Random numbers would take longer than all the rest. */
async function constantParameters(on: Device): Promise<ArraysOf<DecoderSpec>> {
  const spec = decoderSpec(config);
  const arrays: DeviceArray[] = [];
  for (const { shape } of treeLeaves<ParameterSpec>(spec as never))
    arrays.push(await on.array(new Float32Array(sizeOf(shape)).fill(0.01), "f32", shape));
  return treeFrom<ParameterSpec, DeviceArray>(spec as never, arrays) as ArraysOf<DecoderSpec>;
}

/** A fleet of large models on devices of their own, and the answer to "is it there?". */
function largeFleet() {
  const engines = new Engines();
  const fleet = new Fleet({
    engines,
    source: {
      versions: async () => [1, 2],
      open: async (name, version) => {
        // what a device keeps for reuse goes with the version
        const own = openDevice("cpu", { threads: 1 });
        const parameters = await constantParameters(own);
        const base = await tinyModel(own, { id: `${name}@${version}`, aliases: [], name, version });
        disposeTree(base.parameters);
        const engine = createEngine({ model: { ...base, config, parameters, tokenizer: byteTokenizer }, device: own, slots: 2 });
        return {
          engine,
          close: async () => {
            await engine.close();
            disposeTree(parameters);
            own.dispose();
          },
        };
      },
    },
  });
  onTestFinished(() => fleet.close());
  const app = createApp({ engines, fleet });
  const ask = async (): Promise<number> => {
    const response = await app.fetch(
      new Request("http://localhost/v1/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "big", prompt: "x", max_tokens: 4, ignore_eos: true }),
      }),
    );
    await response.text();
    return response.status;
  };
  return { fleet, ask };
}

/** Resident memory, and that of arrays which JavaScript sees, weights among them, when all has been given back that can be. */
async function settled(): Promise<{ readonly rss: number; readonly arrays: number }> {
  // a buffer of the last request (a cache of 9 MB) may wait for its finalizer, which runs in a turn of the event loop after a collection
  let lowest = Number.POSITIVE_INFINITY;
  for (let still = 0; still < 6; still++) {
    await giveMemoryBack();
    await new Promise(resolve => setTimeout(resolve, 20));
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers < lowest - 2 ** 16) [lowest, still] = [arrayBuffers, 0];
  }
  const { rss, arrayBuffers } = process.memoryUsage();
  return { rss, arrays: arrayBuffers };
}
type Settled = Awaited<ReturnType<typeof settled>>;
const shownOf = (all: readonly Settled[]): string =>
  `resident ${all.map(m => megabytes(m.rss)).join(" ")}, arrays ${all.map(m => megabytes(m.arrays)).join(" ")}, weights ${megabytes(weightBytes)}`;

deepTest("memory after four swaps under load is what it was after the first, and no request is lost", async () => {
  const { fleet, ask } = largeFleet();
  const before = await settled();
  await fleet.load("big", 1);
  expect(await ask()).toBe(200);
  const loaded = await settled();
  expect(loaded.arrays - before.arrays).toBeGreaterThan(0.8 * weightBytes);
  const statuses: number[] = [];
  const after: Settled[] = [];
  for (let swap = 0; swap < 4; swap++) {
    let isOver = false;
    const load = (async () => {
      while (!isOver) statuses.push(await ask());
    })();
    await fleet.load("big", 2 - (swap % 2));
    await fleet.unload("big", 1 + (swap % 2));
    isOver = true;
    await load;
    after.push(await settled());
  }
  expect(statuses.length).toBeGreaterThan(4);
  expect(new Set(statuses)).toEqual(new Set([200]));
  const shown = shownOf([before, loaded, ...after]);
  process.stderr.write(`MB before, loaded, after swaps: ${shown}\n`);
  expect(Math.max(...after.map(m => m.arrays)) - loaded.arrays, shown).toBeLessThan(0.1 * weightBytes);
  expect(after.at(-1)!.rss - after[0]!.rss, shown).toBeLessThan(0.2 * weightBytes);
});

deepTest("rounds of loading and unloading end where the first ended, and hold no weights", async () => {
  const { fleet, ask } = largeFleet();
  const before = await settled();
  const after: Settled[] = [];
  for (let round = 0; round < rounds(10, 4); round++) {
    await fleet.load("big", 1);
    expect(await ask()).toBe(200);
    await fleet.unload("big", 1);
    after.push(await settled());
  }
  const shown = shownOf([before, ...after]);
  process.stderr.write(`MB before, after rounds: ${shown}\n`);
  expect(after.at(-1)!.arrays - before.arrays, shown).toBeLessThan(0.05 * weightBytes);
  expect(after.at(-1)!.rss - after[0]!.rss, shown).toBeLessThan(0.2 * weightBytes);
  // what stays is code that was loaded, and JavaScript's heap; elsewhere than on glibc nothing gives an allocator's free pages back
  if (process.platform === "linux") expect(after.at(-1)!.rss - before.rss, shown).toBeLessThan(0.6 * weightBytes);
});

/** A raw request, with its status, headers and text to the end. */
const fetchRaw = (url: string) =>
  new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) =>
    get(url, { agent: false }, r => {
      r.resume();
      resolve({ status: r.statusCode!, headers: r.headers });
    }).on("error", reject),
  );

test("a server ends in order: not ready, no new work, streams finish, the late ones get an error event, sockets close", async () => {
  const { fleet, source, engines } = await testFleet(device);
  source.gate = () => {};
  await fleet.load("m", 1);
  const app = createApp({ engines, fleet });
  const server = await listen(app, { port: 0 });
  onTestFinished(() => server.close());
  const stream = (maxTokens: number) =>
    fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "m", prompt: "x", max_tokens: maxTokens, stream: true, ignore_eos: true }),
    });
  expect((await fetchRaw(`${server.url}/readyz`)).status).toBe(200);
  const running = await stream(60);
  const text = running.text();
  const ended = server.drain({ graceMs: 20_000 });
  const ready = await fetchRaw(`${server.url}/readyz`).catch(() => undefined);
  const fresh = await stream(4).catch(() => undefined);
  // both may come after the stream's end, when nothing listens any more
  if (ready) expect([ready.status, ready.headers.connection]).toEqual([503, "close"]);
  if (fresh) {
    expect([fresh.status, fresh.headers.get("connection")]).toEqual([503, "close"]);
    expect(Number(fresh.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await fresh.json()).toMatchObject({ error: { code: "service_unavailable" } });
  }
  expect((await text).endsWith("data: [DONE]\n\n")).toBe(true);
  expect(await ended).toEqual({ cutOff: 0 });
  await expect(fetchRaw(`${server.url}/healthz`)).rejects.toThrow();
  expect(source.loaded.size).toBe(0);
});

test("what is not done at the deadline ends with an error in its stream, whoever unloads meanwhile", async () => {
  const made = await testFleet(device);
  const { fleet, source, engines } = made;
  await fleet.load("m", 1);
  await fleet.load("m", 2);
  // forty long answers for two slots are not done at once
  const stuck = engines.find("m@2");
  const app = createApp({ engines, fleet });
  const server = await listen(app, { port: 0 });
  onTestFinished(() => server.close());
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const answer = await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m@2", prompt: "x", max_tokens: 62, stream: true, n: 40 }),
    signal: controller.signal,
  });
  const text = answer.text();
  const unloading = fleet.unload("m", 2);
  expect(stuck.stats().running + stuck.stats().queued).toBeGreaterThan(0);
  await server.drain({ graceMs: 0 });
  expect(await text).toMatch(/"error":\{/);
  await unloading.catch(() => {});
  expect(source.loaded.size).toBe(0);
});
