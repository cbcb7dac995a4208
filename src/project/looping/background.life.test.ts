/** What a loop does beside its server: training in a process of its own, labels of feedback as rows, a disk that is full, a comparison that a person asks for. */
import { afterAll, expect, test } from "vitest";
import { documentsOf } from "../../data/index.ts";
import { openArtifact, releasesOf, verify } from "../../store/index.ts";
import { openProject, type Project } from "../open-project.ts";
import type { ProjectServer } from "../serving/serve-options.ts";
import { dayAt, firstVersion, flipped, type LoopFixture, loopFixture, sentences } from "./fixture.laws.ts";
import type { LoopRunOptions, LoopRunReport } from "./loop-runs.ts";

const fixtures: LoopFixture[] = [];
afterAll(() => {
  for (const f of fixtures) f.remove();
});

async function opened(loop: object = {}, more: object = {}) {
  const fixture = await loopFixture(loop, more);
  fixtures.push(fixture);
  const project = await openProject(fixture.folder);
  await firstVersion(project);
  return { fixture, project };
}
const run = async (project: Project, day: number, options: LoopRunOptions = {}): Promise<LoopRunReport> =>
  (await project.loop.run("mood", { ...options, now: () => dayAt(day) })) as LoopRunReport;
const moves = async (project: Project) => (await releasesOf((await project.store()).records.read, "mood", "prod")).map(r => r.number);

test("training in a process of its own comes to the version that this process would have made, and its core-seconds count", async () => {
  const { fixture, project } = await opened();
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const report = await run(project, 9, { force: true, child: true });
  expect(report.past[0]).toMatchObject({ outcome: "promoted", candidate: { version: 2 } });
  expect(report.past[0]!.coreSeconds).toBeGreaterThan(0);
  const here = await opened();
  here.fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const same = await run(here.project, 9, { force: true });
  const digestOf = (r: LoopRunReport) => r.past[0]!.evidence.data!.digest;
  expect(digestOf(same)).toBe(digestOf(report));
  await project.close();
  await here.project.close();
});

test("what the process of a round says when it fails is why the round failed", async () => {
  const { fixture, project } = await opened({ budget: { round: 0.001 } });
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const report = await run(project, 9, { force: true, child: true });
  expect(report.past[0]).toMatchObject({ outcome: "failed", why: expect.stringContaining("core-seconds a round") });
  await project.close();
});

test("a disk that is full at any write of a round costs that step alone: the next run goes on, nothing is promoted twice, and the log is verified", async () => {
  const { fixture, project } = await opened();
  await run(project, 1);
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  const store = await project.store();
  const write = store.records.write.bind(store.records);
  let [failed, report]: [number, LoopRunReport | undefined] = [0, undefined];
  for (let k = 0; k < 60 && report?.past[0]?.outcome !== "promoted"; k++) {
    let left = k;
    store.records.write = (change, options) => {
      if (left-- > 0) return write(change, options);
      return Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }));
    };
    try {
      report = await run(project, 9 + k, report === undefined ? { force: true } : {});
    } catch (error) {
      expect((error as Error).message).toContain("ENOSPC");
      failed++;
    } finally {
      store.records.write = write;
    }
    const { phase, past } = await project.loop.status("mood");
    // a round that failed since its work could not be written is begun again
    if (phase === "idle" && past[0]?.outcome === "failed") expect(past[0].why).toContain("ENOSPC");
    if ((await project.loop.status("mood")).paused) await project.loop.resume("mood");
  }
  if (report?.past[0]?.outcome !== "promoted") report = await run(project, 100, { force: true });
  expect(failed).toBeGreaterThan(2);
  expect(report.past[0]).toMatchObject({ outcome: "promoted" });
  expect(await moves(project)).toHaveLength(2);
  expect(await verify(store)).toMatchObject({ ok: true });
  await project.close();
});

async function classify(server: ProjectServer, text: string, user = "ann"): Promise<string> {
  const response = await fetch(`${server.url}/v1/models/mood:classify`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-loam-user": user },
    body: JSON.stringify({ examples: [{ text }] }),
  });
  expect(response.status).toBe(200);
  await response.text();
  return response.headers.get("x-request-id")!;
}

const say = async (server: ProjectServer, request_id: string, source: string, label: string) => {
  const response = await fetch(`${server.url}/v1/feedback`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ request_id, source, label }),
  });
  await response.text();
  // a response is known a moment after it ended
  expect([200, 201, 404]).toContain(response.status);
};

const trusted = { watch: { feedback: { trusted: ["reviewers"] } } };

/** Documents without classes came by requests; people say of each what it is. */
async function feedbackRound(rows: ReturnType<typeof sentences>, source: string) {
  const { fixture, project } = await opened({ data: { new: "arrivals", least: 60, recent: 0.3, feedback: "request" } }, trusted);
  const server = await project.serve({ models: ["mood@prod"], port: 0, loop: false });
  const unlabelled = [];
  for (const { label, ...row } of rows) {
    const request = await classify(server, row.text);
    await say(server, request, source, label);
    unlabelled.push({ ...row, request });
  }
  await server.close();
  fixture.arrive(unlabelled as unknown as typeof rows);
  return { project, report: await run(project, 9).then(async () => run(project, 17)) };
}

test("labels of trusted feedback are training rows of the documents that bear the request's id, with who said it", async () => {
  const { project, report } = await feedbackRound(sentences("new", 160, dayAt(8), "second"), "reviewers");
  expect(report.past[0]).toMatchObject({ outcome: "promoted", trigger: { kind: "schedule" } });
  const artifacts = report.past[0]!.evidence.data!.artifacts as { documents: string; said: string };
  const documents = await openArtifact(await project.store(), artifacts.documents);
  const learnt = [];
  for await (const d of documentsOf(documents, "train")) if ("labelledBy" in d.attributes) learnt.push(d);
  expect(learnt.length).toBeGreaterThan(40);
  expect(learnt.every(d => d.attributes.labelledBy === "feedback:reviewers" && ["good", "bad"].includes(String(d.attributes.label)))).toBe(
    true,
  );
  await project.close();
});

test("labels of a source that is not trusted train nothing", async () => {
  const { project, report } = await feedbackRound(sentences("new", 80, dayAt(8), "second"), "end-user");
  expect(report).toMatchObject({ past: [], look: { newDocuments: 0 } });
  await project.close();
});

test("wrong labels by a trusted source are rejected by the gate on the frozen test set", async () => {
  const rows = sentences("old", 160, dayAt(8), "poison").map((row, i) => (i % 10 < 7 ? flipped(row) : row));
  const { project, report } = await feedbackRound(rows, "reviewers");
  expect(report.past[0]).toMatchObject({ outcome: "rejected", why: expect.stringContaining("frozen test set") });
  expect(await moves(project)).toEqual([1]);
  await project.close();
});

test("a person's comparison of two versions shares users, ends by its test, and all traffic goes to the first version", async () => {
  const { project } = await opened();
  await project.tune("mood");
  const fixture = fixtures.at(-1)!;
  fixture.arrive(sentences("new", 200, dayAt(8), "second"));
  await run(project, 9, { force: true });
  const server = await project.serve({ models: ["mood@prod"], port: 0, loop: false });
  let isOver = false;
  const load = (async () => {
    for (let i = 0; !isOver; i++) await classify(server, "the parcel came on monday and was lovely", `user-${i}`);
  })();
  const compared = await project.loop.compare("mood@2", "mood@1", { server: server.url, requests: 200, metrics: ["errors"], margin: 0.3 });
  isOver = true;
  await load;
  expect(compared.judgement).toMatchObject({ isEnded: true });
  expect(compared.judgement!.verdict).not.toBe("harm");
  expect(Math.min(...Object.values(compared.judgement!.requests))).toBeGreaterThan(5);
  const versions = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const response = await fetch(`${server.url}/v1/models/mood:classify`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-loam-user": `user-${i}` },
      body: JSON.stringify({ examples: [{ text: "the parcel" }] }),
    });
    await response.text();
    versions.add(response.headers.get("x-loam-model")!);
  }
  expect([...versions]).toEqual(["mood@2"]);
  await server.close();
  await project.close();
});
