/** A whole round that `loam serve` directs: its processes, its clock, copies of real requests by three contracts, then users, then the alias. */
import { expect, onTestFinished, test } from "vitest";
import { startProcess } from "../../../test/support/child.ts";
import { readTokenFiles, tokenFor } from "../../session/index.ts";
import { releasesOf, verify } from "../../store/index.ts";
import { openProject } from "../open-project.ts";
import { firstVersion, loopFixture, sentences } from "./fixture.laws.ts";
import { adminTraffic } from "./traffic.ts";

const text = "the parcel came on monday and was lovely";
const contracts = {
  "TensorFlow Serving": ["/v1/models/mood:classify", { examples: [{ text }] }],
  SageMaker: ["/invocations", { model: "mood", inputs: [text] }],
  "Open Inference": ["/v2/models/mood/infer", { inputs: [{ name: "text", shape: [1], datatype: "BYTES", data: [text] }] }],
} as const;
const copiesOfEach = 10;

test("a server's loop copies requests of each contract to a new version, then shares users, then promotes it; the log has the evidence", async () => {
  const fixture = await loopFixture({
    every: "0s",
    shadow: { share: 100, requests: copiesOfEach * Object.keys(contracts).length, longest: "10m" },
    canary: { share: 50, errors: 0.4, latency: "off", warmup: 0, requests: 5000 },
    cooldown: "1d",
  });
  onTestFinished(fixture.remove);
  const project = await openProject(fixture.folder);
  onTestFinished(() => project.close());
  await firstVersion(project);
  fixture.arrive(sentences("new", 200, Date.now() - 86_400_000, "second"));
  const server = startProcess(["serve", "mood@prod", "--port", "0"], { cwd: fixture.folder });
  onTestFinished(async () => {
    server.kill("SIGTERM");
    await server.ended;
  });
  const [url] = await server.says(/http:\/\/127\.0\.0\.1:\d+/);
  const ask = async ([path, body]: (typeof contracts)[keyof typeof contracts]): Promise<string> => {
    const key = tokenFor(await readTokenFiles(fixture.folder), url);
    const headers = { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
    const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status, await response.text()).toBe(200);
    return response.headers.get("x-loam-model")!;
  };
  const status = () => project.loop.status("mood");
  const copied = async () => {
    const { phase, round } = await status();
    const shadow = round?.evidence.shadow as { readonly treatment?: { readonly requests: number } } | undefined;
    return phase === "shadow" ? (shadow?.treatment?.requests ?? 0) : phase === "canary" ? 1000 : -1;
  };
  const isShadowed = async () => {
    const versions = await adminTraffic({ url, model: "mood", folder: fixture.folder }).versions();
    return versions.some(v => v.version === 2 && v.shadow === 100);
  };
  await expect.poll(isShadowed, { timeout: 120_000, interval: 200 }).toBe(true);
  for (const [i, contract] of Object.values(contracts).entries()) {
    for (let k = 0; k < copiesOfEach; k++) expect(await ask(contract)).toBe("mood@1");
    await expect.poll(copied, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual((i + 1) * copiesOfEach);
  }
  await expect.poll(async () => (await status()).phase, { timeout: 60_000, interval: 100 }).toBe("canary");
  // requests without a user stand for themselves
  const answered = new Set<string>();
  while ((await status()).phase === "canary") for (let k = 0; k < 40; k++) answered.add(await ask(Object.values(contracts)[k % 3]!));
  expect([...answered].sort()).toEqual(["mood@1", "mood@2"]);
  await expect.poll(async () => (await status()).past[0]?.outcome, { timeout: 60_000 }).toBe("promoted");
  expect(await ask(contracts.SageMaker)).toBe("mood@2");

  const store = await project.store();
  expect((await releasesOf(store.records.read, "mood", "prod")).map(m => m.number)).toEqual([1, 2]);
  const rows = await store.records.read.selectFrom("log").select("entry").orderBy("position").execute();
  const steps = rows.map(r => JSON.parse(r.entry) as { type: string; step: string; evidence: object }).filter(e => e.type === "loop");
  expect(steps.map(s => s.step)).toEqual(["triggered", "data", "training", "gates", "shadow", "canary", "promotion", "promoted"]);
  const { shadow, canary } = Object.fromEntries(steps.map(s => [s.step, s.evidence]));
  expect(shadow).toMatchObject({ verdict: "no harm", requests: copiesOfEach * 3, treatment: { requests: copiesOfEach * 3, errors: 0 } });
  expect(canary).toMatchObject({ verdict: "no harm" });
  expect(await verify(store)).toMatchObject({ ok: true });
});
