/**
 * docs/labelling.md as a reader follows it: every block of commands in order. What people do between them on the console's page, the test does over HTTP.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { random } from "../src/base/index.ts";
import { jsonLines, loam, root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { signedIn } from "./support/login.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { writeEncoder } from "./support/tasks-project.ts";

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

/** A person labels all texts that are for labelling, on a console of their own. */
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

deepTest("every command runs, and a classifier learns the labels that people gave", async () => {
  const cwd = temporaryFolder("labelling");
  mkdirSync(join(cwd, "letters"));
  for (const [i, text] of lettersOf(90).entries()) writeFileSync(join(cwd, "letters", `${i}.txt`), text);
  await writeEncoder(join(cwd, "encoder"));
  const yaml = "name: labels\ndevice: { threads: 1 }\ndata: { mail: { source: { folder: letters, reader: text } } }\n";
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  const imported = await loam(["models", "import", "./encoder", "--name", "minilm"], { cwd });
  expect(imported.code, imported.stderr).toBe(0);
  writeFileSync(join(cwd, "loam.yaml"), `${yaml}serve: { model: folders, port: 8080 }\n`);
  await followPage(readFileSync(join(root, "docs/labelling.md"), "utf8"), {
    cwd,
    parts: ["loam.yaml"],
    before: { "loam tune folders": at => peopleLabel(at.folder) },
  });
  const exported = jsonLines(readFileSync(join(cwd, "folder.jsonl"), "utf8"));
  expect(exported.length).toBeGreaterThan(50);
  const listed = await loam(["models", "--json"], { cwd });
  expect(listed.stdout).toContain("folders");
});
