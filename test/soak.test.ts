/** A small soak of a server over real HTTP: clients of all kinds at once, and afterwards nothing is lost, mixed up or kept. The bench `soak` is the large one. */

import { random } from "loam/base";
import { createApp, createEngine, listen } from "loam/serve";
import { openDevice } from "loam/tensor";
import { expect, test } from "vitest";
import { askedAlone, runSoak, shares, untilIdle } from "../bench/soak/run-soak.ts";
import { tinyModel } from "../src/serve/fakes.ts";
import { rounds } from "./support/deep.ts";

test("requests of impatient, slow and broken clients: each finished answer is the lone one, nonsense is refused, nothing stays", async () => {
  const device = openDevice("cpu", { threads: 1 });
  const engine = createEngine({ model: await tinyModel(device), device, slots: 6 });
  await engine.ready;
  const failures: unknown[] = [];
  const server = await listen(createApp({ engines: [engine], onFailure: e => failures.push(e) }), { port: 0 });
  try {
    const r = random("small soak");
    const bodies = Array.from({ length: 24 }, () => ({
      model: "tiny",
      prompt: Array.from({ length: 1 + r.below(60) }, () => r.below(256)),
      max_tokens: 1 + r.below(30),
      temperature: 0,
      logprobs: 1,
    }));
    const requests = rounds(600, 200);
    const known = await askedAlone(server.url, bodies);
    const result = await runSoak({ url: server.url, known, requests, clients: 16, seed: "small soak" });
    expect(result).toMatchObject({ mixed: [], lost: [] });
    expect(Object.values(result.went).reduce((a, b) => a + b)).toBe(requests);
    for (const name of Object.keys(shares)) expect(result.went[name as keyof typeof shares], name).toBeGreaterThan(0);
    expect(await untilIdle(server.url)).toBe(0);
    expect(engine.stats()).toMatchObject({ queued: 0, running: 0 });
    expect(failures).toEqual([]);
    expect(await askedAlone(server.url, bodies)).toEqual(known);
  } finally {
    await server.close();
    await engine.close();
  }
});
