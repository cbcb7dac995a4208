/** A canary on a server under load: who gets which version, when a bad one is left, and what a restart finds. */
import { afterAll, expect, test } from "vitest";
import { releasesOf } from "../../store/index.ts";
import { openProject, type Project } from "../open-project.ts";
import type { ProjectServer } from "../serving/serve-options.ts";
import { addToComparison, openTest } from "./comparison.ts";
import { dayAt, firstVersion, type LoopFixture, loopFixture, sentences } from "./fixture.laws.ts";
import type { LoopRunReport } from "./loop-runs.ts";

const fixtures: LoopFixture[] = [];
afterAll(() => {
  for (const f of fixtures) f.remove();
});

interface Answered {
  readonly status: number;
  readonly version: string | undefined;
}

/** A request for the bare name by a user. */
async function ask(server: ProjectServer, user: string): Promise<Answered> {
  const response = await fetch(`${server.url}/v1/models/mood:classify`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-loam-user": user },
    body: JSON.stringify({ examples: [{ text: "the parcel came on monday and was lovely" }] }),
  });
  await response.text();
  return { status: response.status, version: /@(\d+)/.exec(response.headers.get("x-loam-model") ?? "")?.[1] };
}

async function inCanary(canary: object): Promise<{ project: Project; server: ProjectServer; run: () => Promise<LoopRunReport> }> {
  const fixture = await loopFixture({ canary: { latency: "off", warmup: 0, ...canary } });
  fixtures.push(fixture);
  const project = await openProject(fixture.folder);
  await firstVersion(project);
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const server = await project.serve({ models: ["mood@prod"], port: 0, loop: false });
  const run = async (force = false) =>
    (await project.loop.run("mood", { force, by: "ann", now: () => dayAt(9), server: server.url })) as LoopRunReport;
  expect(await run(true)).toMatchObject({ phase: "canary" });
  return { project, server, run };
}

const versions = async (server: ProjectServer, requests: number): Promise<Answered[]> => {
  const all: Answered[] = [];
  for (let i = 0; i < requests; i += 20)
    all.push(...(await Promise.all(Array.from({ length: 20 }, (_, k) => ask(server, `user-${i + k}`)))));
  return all;
};

const responses = (version: number, count: number, isError: (i: number) => boolean, from: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: `${version}-${from + i}`,
    version,
    isShadow: false,
    // each request stands for itself: a user's window would be open for a minute
    user: null,
    atMs: from + i,
    isError: isError(i),
    totalMs: 5,
  }));

test("users are shared as declared and counted; a version that is not worse is promoted, and all traffic goes to it", async () => {
  const { project, server, run } = await inCanary({ share: 50, errors: 0.1, requests: 5000 });
  const store = await project.store();
  const first = await versions(server, 200);
  expect(first.every(a => a.status === 200)).toBe(true);
  const share = first.filter(a => a.version === "2").length / first.length;
  expect(share).toBeGreaterThan(0.3);
  expect(share).toBeLessThan(0.7);
  let report = await run();
  for (let i = 0; report.phase === "canary" && i < 40; i++) {
    await addToComparison(store, "mood", [...responses(1, 30, () => false, i * 1000), ...responses(2, 30, () => false, i * 1000)]);
    report = await run();
  }
  expect(report.past[0]).toMatchObject({ outcome: "promoted", candidate: { version: 2 } });
  expect((await versions(server, 40)).every(a => a.version === "2")).toBe(true);
  expect((await releasesOf(store.records.read, "mood", "prod")).map(m => m.number)).toEqual([1, 2]);
  await server.close();
  await project.close();
});

test("a version that fails more is left while requests go on: none is lost, and none meets it afterwards", async () => {
  const { project, server, run } = await inCanary({ share: 50, errors: 0.02 });
  const store = await project.store();
  let isOver = false;
  const load = (async () => {
    const all: Answered[] = [];
    while (!isOver) all.push(...(await versions(server, 20)));
    return all;
  })();
  let report = await run();
  for (let i = 0; report.phase === "canary" && i < 60; i++) {
    await addToComparison(store, "mood", [
      ...responses(1, 40, k => k % 40 === 0, i * 1000),
      ...responses(2, 40, k => k % 3 === 0, i * 1000),
    ]);
    report = await run();
  }
  isOver = true;
  expect((await load).every(a => a.status === 200)).toBe(true);
  expect(report.past[0]).toMatchObject({ outcome: "rolled back", why: expect.stringContaining("worse in errors") });
  expect((await versions(server, 40)).every(a => a.version === "1")).toBe(true);
  expect((await releasesOf(store.records.read, "mood", "prod")).map(m => m.number)).toEqual([1]);
  expect(await openTest(store, "mood")).toBeUndefined();
  await server.close();
  await project.close();
});

test("an undecided canary is held, not promoted, at the end of its declared run", async () => {
  const { project, server, run } = await inCanary({ share: 50, errors: 0.001, requests: 200 });
  const store = await project.store();
  await addToComparison(store, "mood", [...responses(1, 110, () => false, 0), ...responses(2, 110, () => false, 0)]);
  expect((await run()).past[0]).toMatchObject({ outcome: "held", why: expect.stringContaining("longest run") });
  expect((await releasesOf(store.records.read, "mood", "prod")).map(m => m.number)).toEqual([1]);
  await server.close();
  await project.close();
});
