/** From a refused prompt to the next classifier: cases are decided by reviewers, exported, and a model is tuned from them. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeUpstream, good, testGateway } from "../src/gateway/fakes.ts";
import { decideReview, exportReviews, takeReview } from "../src/project/gateway/review-cases.ts";
import { loopFixture, sentences } from "../src/project/looping/fixture.laws.ts";
import { openProject } from "../src/project/open-project.ts";

test("a classifier learns from what people decided, and knows where each label comes from", async () => {
  const upstream = await fakeUpstream(good);
  const access = {
    principals: { users: { ann: { roles: ["admin"] }, vera: { roles: ["reviewer"] } } },
    policies: [{ id: "all", effect: "allow" as const }],
  };
  const gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url } },
      models: { chat: { targets: [{ upstream: "local" }], guards: ["reviewer"] } },
      guards: { reviewer: { kind: "person", holds: "all", timeout: "1ms" } },
    },
    { access },
  );
  const fixture = await loopFixture();
  try {
    const rows = sentences("old", 200, 0, "reviewed");
    for (const { text } of rows) {
      const refused = await gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: text }] });
      expect([refused.status, refused.headers.get("x-loam-appeal")]).toEqual([400, expect.stringMatching(/^review_\S+ \S+$/)]);
    }
    const { secret } = await gateway.gateway.control.keys.create({ name: "vera", subject: "vera" }, "test");
    const vera = { folder: fixture.folder, url: gateway.url, key: secret };
    const label = new Map(rows.map(r => [r.text, r.label]));
    for (let taken = await takeReview(vera); taken; taken = await takeReview(vera)) {
      const isBad = label.get(taken.text) === "bad";
      await decideReview(vera, taken.id, isBad ? "refuse" : "approve", isBad ? "fraud" : undefined);
    }
    await expect(exportReviews(vera, "x.jsonl")).rejects.toThrow("admin");
    rmSync(join(fixture.folder, "first.jsonl"));
    const written = await exportReviews({ ...vera, key: gateway.key }, "first.jsonl");
    expect(written.documents).toBe(200);
    const project = await openProject(fixture.folder);
    await project.tune("mood");
    const server = await project.serve();
    const asked = await fetch(`${server.url}/v1/models/mood:classify`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ examples: rows.slice(0, 40).map(({ text }) => ({ text })) }),
    });
    const { result } = (await asked.json()) as { result: (readonly [label: string, probability: number])[][] };
    const likeliest = result.map(all => [...all].sort((a, b) => b[1] - a[1])[0]![0]);
    const right = likeliest.filter((label, i) => label === (rows[i]!.label === "bad" ? "fraud" : "approve")).length;
    expect(right).toBeGreaterThan(32);
    await server.close();
    await project.close();
  } finally {
    fixture.remove();
    await gateway.close();
    await upstream.close();
  }
});
