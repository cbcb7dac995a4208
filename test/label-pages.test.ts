/**
 * The pages on labels that people give (docs/labelling.md, docs/review.md) as a reader follows them: every block of commands in order. What people do between
 * the commands, on the console's page or as clients of the gateway, the test does over HTTP.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { fakeUpstream, good } from "../src/gateway/fakes.ts";
import { jsonLines, loam, root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { freePort } from "./support/installed.ts";
import { signedIn } from "./support/login.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";
import { writeEncoder } from "./support/tasks-project.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

const folders = {
  work: ["invoice", "meeting", "report", "deadline", "contract"],
  friends: ["dinner", "garden", "birthday", "concert", "holiday"],
  adverts: ["discount", "winner", "offer", "coupon", "lottery"],
} as const;
type Folder = keyof typeof folders;

/** Short letters of three kinds, each told by its words. */
function lettersOf(count: number): string[] {
  const r = random("labelling");
  const pick = (from: readonly string[]) => from[r.below(from.length)]!;
  const names = Object.keys(folders) as Folder[];
  return Array.from({ length: count }, (_, i) => {
    const words = folders[names[i % 3]!];
    return `Letter ${1000 + r.below(9000)} about the ${pick(words)} and the ${pick(words)} on day ${r.below(365)}, with a ${pick(words)} for ${r.below(99)} people.`;
  });
}
const folderOf = (text: string): Folder =>
  (Object.keys(folders) as Folder[]).find(name => folders[name].some(word => text.includes(word)))!;

/** Two people label all texts that are for labelling, on a console of their own. */
async function peopleLabel(cwd: string): Promise<void> {
  const server = start(["console", "--no-open", "--port", "0"], { cwd });
  const [url] = await server.says(/http:\/\/127\.0\.0\.1:\d+/);
  const headers = { ...(await signedIn(cwd, url)), "content-type": "application/json" };
  const ask = async (path: string, body?: object) => {
    const response = await fetch(`${url}/api/labels/folder${path}`, {
      headers,
      ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
    });
    expect(response.status, path).toBe(200);
    return (await response.json()) as { readonly items: readonly { readonly id: string; readonly text: string }[] };
  };
  for (;;) {
    const { items } = await ask("?by=ann");
    if (items.length === 0) break;
    for (const { id, text } of items) await ask("", { id, by: "ann", label: folderOf(text) });
  }
  server.kill("SIGTERM");
  await server.ended;
}

deepTest("docs/labelling.md: every command runs, and a classifier learns the labels that people gave", async () => {
  const cwd = temporaryFolder("labelling");
  mkdirSync(join(cwd, "letters"));
  for (const [i, text] of lettersOf(90).entries()) writeFileSync(join(cwd, "letters", `${i}.txt`), text);
  await writeEncoder(join(cwd, "encoder"));
  const yaml = "name: labels\ndevice: { threads: 1 }\ndata: { mail: { source: { folder: letters, reader: text } } }\n";
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  const imported = await loam(["models", "import", "./encoder", "--name", "minilm"], { cwd });
  expect(imported.code, imported.stderr).toBe(0);
  writeFileSync(join(cwd, "loam.yaml"), `${yaml}serve: { model: folders, port: 8080 }\n`);
  await followPage(page("labelling.md"), { cwd, parts: ["loam.yaml"], before: { "loam tune folders": at => peopleLabel(at.folder) } });
  const exported = jsonLines(readFileSync(join(cwd, "folder.jsonl"), "utf8"));
  expect(exported.length).toBeGreaterThan(50);
  const listed = await loam(["models", "--json"], { cwd });
  expect(listed.stdout).toContain("folders");
});

const cloud = "https://api.openai.com/v1";

test("docs/review.md: every command runs, and a case that two people refuse is exported in the form that the page shows", async () => {
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
  const { folder } = await followPage(page("review.md"), {
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
  const [shown] = codeBlocks(page("review.md")).filter(b => b.language === "json");
  expect(Object.keys(exported!)).toEqual(Object.keys(JSON.parse(shown!.text) as object));
  expect(exported).toMatchObject({
    text: expect.stringContaining("wire transfer"),
    label: "fraud",
    decision: "refuse",
    decidedBy: "reviewers",
  });
  await upstream.close();
});
