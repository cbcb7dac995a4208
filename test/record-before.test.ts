/**
 * A record that an earlier Loam wrote (schema version 5, speeds and times inside of its artifacts) is listed, verified, shown and served.
 * `golden/record-version-5.tar.gz` is the toy project of `support/project.ts` after that version's `loam run`, without its texts.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openArtifact, openStore, readRunData } from "../src/store/index.ts";
import { jsonLines, loam, root, start } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

function recordBefore(): string {
  const cwd = temporaryFolder("before");
  execFileSync("tar", ["xzf", join(root, "test", "golden", "record-version-5.tar.gz"), "-C", cwd]);
  return cwd;
}

test("a record written before is brought forward and verified; its times and speeds are shown from where they are", async () => {
  const cwd = recordBefore();
  const models = await loam(["models", "--json"], { cwd });
  expect(jsonLines(models.stdout).at(-1), models.stderr).toMatchObject({ models: [{ model: "toy", versions: [{ number: 1 }] }] });
  const proof = await loam(["trace", "--verify", "--json"], { cwd });
  expect(jsonLines(proof.stdout).at(-1), proof.stderr).toMatchObject({ ok: true, contentRead: true, versions: 1 });
  const store = await openStore({ root: cwd });
  const artifact = await openArtifact(store, "toy@1");
  const [first] = (await readRunData(store, artifact, "metrics.jsonl"))!.split("\n");
  await store.close();
  expect(JSON.parse(first!)).toMatchObject({ tokensPerSecond: expect.any(Number), loss: expect.any(Number) });

  const server = start(["serve", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "toy", prompt: "Dear ", max_tokens: 4, temperature: 0 }),
  });
  expect(answer.status).toBe(200);
  server.kill("SIGINT");
  expect((await server.ended).code).toBe(0);
});

test("a version of an earlier stage is not rebuilt as if it were of this one: the refusal names both", async () => {
  const cwd = recordBefore();
  const verified = await loam(["models", "verify", "toy@1"], { cwd });
  expect(verified.code, verified.stderr).toBe(0);
  const { code, stderr } = await loam(["models", "verify", "toy@1", "--rebuild"], { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(/model-[0-9a-f]+ \(train@1\): this Loam has version 3 of the stage; an earlier Loam made it/);
});
