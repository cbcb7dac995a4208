/** docs/review.md as a reader follows it: every block of commands in order, between a client whose request is held and a second reviewer. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeUpstream, good } from "../src/gateway/fakes.ts";
import { jsonLines, loam, root, start } from "./support/child.ts";
import { freePort } from "./support/installed.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { codeBlocks } from "./support/shell-lines.ts";

const page = readFileSync(join(root, "docs/review.md"), "utf8");
const cloud = "https://api.openai.com/v1";

test("every command runs, and a case that two people refuse is exported in the form that the page shows", async () => {
  const upstream = await fakeUpstream(good);
  const port = await freePort();
  const env = { OPENAI_API_KEY: "sk-page" };
  const url = `http://127.0.0.1:${port}`;
  const keyOf = async (cwd: string, name: string): Promise<string> => {
    const made = await loam(["gateway", "keys", "create", name, "--subject", name, "--json"], { cwd, env });
    expect(made.code, made.stderr).toBe(0);
    return (JSON.parse(made.stdout) as { readonly secret: string }).secret;
  };
  let refused: Promise<Response> | undefined;
  const clientAsks = async ({ folder: cwd }: ReaderShell) => {
    const [vera, bob] = [await keyOf(cwd, "vera"), await keyOf(cwd, "bob")];
    writeFileSync(join(cwd, "vera.key"), vera);
    await start(["gateway"], { cwd, env }).says(/http:\/\//);
    refused = fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${bob}` },
      body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "please confirm the wire transfer today" }] }),
    });
    const waits = async () => (await loam(["gateway", "review"], { cwd, env: { ...env, LOAM_GATEWAY_KEY: vera } })).stdout;
    await expect.poll(waits).toContain("review_");
  };
  const walt = async (at: ReaderShell) => {
    const own = { cwd: at.folder, env: { ...env, LOAM_GATEWAY_KEY: await keyOf(at.folder, "walt") } };
    const taken = await loam(["gateway", "review", "take", "--json"], own);
    const { id } = (JSON.parse(taken.stdout) as { readonly case: { readonly id: string } }).case;
    const voted = await loam(["gateway", "review", "decide", id, "refuse", "--category", "fraud"], own);
    expect(voted.code, voted.stderr).toBe(0);
    await at.run(`export LOAM_GATEWAY_KEY=${await keyOf(at.folder, "ann")}`);
  };
  const { folder } = await followPage(page, {
    env,
    own: {
      [`url: "${cloud}"`]: `url: "${upstream.url}"`,
      'state: "sqlite': `listen: { port: ${port} }\nstate: "sqlite`,
      "LOAM_GATEWAY_KEY=...": 'LOAM_GATEWAY_KEY="$(cat vera.key)"',
      "review_4f1c...": '"$(loam gateway review --json | grep -o "review_[0-9a-zA-Z_-]*" | head -1)"',
    },
    before: { "export LOAM_GATEWAY_KEY": clientAsks, "loam gateway review export": walt },
  });
  const answer = await refused!;
  expect([answer.status, answer.headers.get("x-loam-appeal")]).toEqual([400, expect.stringMatching(/^review_/)]);
  const [exported] = jsonLines(readFileSync(join(folder, "data/reviewed/cases.jsonl"), "utf8"));
  const [shown] = codeBlocks(page).filter(b => b.language === "json");
  expect(Object.keys(exported!)).toEqual(Object.keys(JSON.parse(shown!.text) as object));
  expect(exported).toMatchObject({
    text: expect.stringContaining("wire transfer"),
    label: "fraud",
    decision: "refuse",
    decidedBy: "reviewers",
  });
  await upstream.close();
});
