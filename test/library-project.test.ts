/** A project from TypeScript: what its methods give is what the verbs print with --json, and a stop leaves nothing half-written. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type * as Loam from "../src/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

// the built package: the threads that it starts lie beside it
const { administerGateway, checkMachine, createProject, openProject } = (await import(
  new URL("../dist/src/index.js", import.meta.url).href
)) as typeof Loam;
type Project = Loam.Project;

async function opened(folder: string): Promise<Project> {
  const project = await openProject(folder);
  onTestFinished(() => project.close());
  return project;
}

/** The last document that a verb prints. */
async function printed(cwd: string, ...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await loam([...args, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  return jsonLines(stdout).at(-1);
}

/** As JSON has it. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const codeOf = (error: { readonly code?: string }): string => error.code ?? String(error);
const failure = (work: PromiseLike<unknown>): Promise<string> => Promise.resolve(work).then(() => "done", codeOf);

test("what the library reads of a project is what the verbs print", async () => {
  const folder = await trainedToy({ more: "releases: { prod: { approvals: [{ role: reviewer, unsigned: true }] } }" });
  const project = await opened(folder);
  const { isProject, ...models } = await project.models.list();
  expect(isProject).toBe(true);
  expect(plain(models)).toEqual(await printed(folder, "models"));
  const { card, history } = await project.models.show("toy@latest");
  expect(plain({ ...card, history })).toEqual(await printed(folder, "models", "show", "toy@latest"));
  expect(plain(await project.models.diff("toy@1", "toy@latest"))).toEqual(await printed(folder, "models", "diff", "toy@1", "toy@latest"));
  expect(plain(await project.releases.gates("toy@1"))).toEqual(await printed(folder, "models", "gates", "toy@1"));
  expect(plain(await project.models.verify("toy@1"))).toEqual(await printed(folder, "models", "verify", "toy@1"));
  expect(plain(await project.data.report("letters"))).toEqual(await printed(folder, "data", "report"));
  const { isStale, ...drops } = await project.data.drops();
  expect(isStale).toBe(false);
  expect(plain(drops)).toEqual(await printed(folder, "data", "drops"));
  expect(plain((await project.data.card()).card)).toEqual(await printed(folder, "data", "card"));
  expect(plain(await project.trace("toy@latest"))).toEqual(await printed(folder, "trace", "toy@latest"));
  expect(plain(await project.verify())).toEqual(await printed(folder, "trace", "--verify"));
  const { blobsPlace, ...garbage } = await project.gc();
  expect(blobsPlace).toContain(folder);
  expect(plain(garbage)).toEqual(await printed(folder, "gc"));
  const { sets, ...curated } = await project.data.run();
  expect(sets.map(s => s.name)).toEqual(["letters"]);
  expect(plain({ event: "result", ...curated })).toEqual(await printed(folder, "data", "run"));
  expect((await checkMachine(folder)).ok).toBe((await loam(["doctor"], { cwd: folder })).code === 0);
});

test("a version goes through its releases: promoted, tagged, signed, packed, unpacked elsewhere, rolled back", async () => {
  const folder = await trainedToy();
  const project = await opened(folder);
  const promoted = await project.promote("toy@1", "prod", { by: "ann", reason: "the first" });
  expect(promoted).toMatchObject({ model: "toy", version: 1, alias: "prod", release: { by: "ann", reason: "the first", previous: null } });
  expect(await project.promote("toy@1", "prod")).toMatchObject({ release: null });
  expect(await project.releases.tag("toy@prod", "team=mail")).toMatchObject({ tag: "team", value: "mail", changed: true });
  const keys = await project.releases.createKeys("ann.key");
  expect(await failure(project.releases.createKeys("ann.key"))).toBe("project/exists");
  const { signature } = await project.releases.sign("toy@prod", { key: "ann.key", by: "ann" });
  expect(signature).toMatchObject({ fingerprint: keys.fingerprint, isValid: true });
  const packed = await project.models.pack("toy@prod", { out: "toy.tar" });
  expect(packed).toMatchObject({ version: 1, signatures: 1, path: join(folder, "toy.tar") });

  const other = await opened((await createProject(join(temporaryFolder("other"), "other"))).folder);
  const unpacked = await other.models.unpack(packed.path, { name: "theirs", keys: [keys.publicKey] });
  expect(unpacked).toMatchObject({
    model: "theirs",
    version: 1,
    trusted: keys.fingerprint,
    action: "made",
    digest: (await project.models.verify("toy@1")).digest,
  });
  expect(await failure(project.releases.rollback("toy", "prod"))).toMatch(/^store\//);
  expect(await project.releases.unalias("toy", "prod")).toMatchObject({ number: null, previous: 1 });
  expect(await project.releases.archive("toy@1")).toMatchObject({ archived: true, changed: true });
});

test("a refused promotion has its verdict in the error, and nothing is moved until it is approved", async () => {
  const folder = await trainedToy({ more: "releases: { prod: { approvals: [{ role: reviewer, unsigned: true }] } }" });
  const project = await opened(folder);
  const refused: unknown = await project.promote("toy@1", "prod").then(
    () => undefined,
    error => error,
  );
  expect(refused).toMatchObject({
    code: "registry/refused",
    details: { model: "toy", version: 1, alias: "prod", verdict: { passed: false }, looks: [] },
  });
  expect((await project.models.show("toy")).history).toEqual([]);
  const approved = await project.releases.approve("toy@1", { for: "prod", role: "reviewer", by: "bob" });
  expect(approved).toMatchObject({ changed: true, approvals: [{ by: "bob", role: "reviewer" }] });
  expect(await project.promote("toy@1", "prod")).toMatchObject({ verdict: { passed: true }, release: { number: 1 } });
});

test("leaving the events of a call stops it, leaves loam.yaml and the record whole, and the next call goes on", async () => {
  const folder = await trainedToy();
  const project = await opened(folder);
  const events: string[] = [];
  for await (const event of project.data.run("letters", { force: true })) {
    events.push(event.event);
    break;
  }
  expect(events).toHaveLength(1);
  expect((await project.verify()).ok).toBe(true);
  expect(await project.data.run("letters")).toMatchObject({ ran: 0 });
  expect(await failure(project.data.run("letters", { signal: AbortSignal.abort() }))).toBe("base/interrupted");
});

test("a source is added and documents are forgotten; loam.yaml is read again by the same project", async () => {
  const folder = await trainedToy();
  writeFileSync(join(folder, "more.txt"), "A letter of another hand, which says something of its own about the harbour and the boats.\n");
  const project = await opened(folder);
  const before = readFileSync(join(folder, "loam.yaml"), "utf8");
  expect(await project.data.add("more.txt", { dryRun: true })).toMatchObject({ data: "letters", ran: 0 });
  expect(readFileSync(join(folder, "loam.yaml"), "utf8")).toBe(before);
  const added = await project.data.add("more.txt", { as: "hand" });
  expect(added).toMatchObject({ data: "letters", name: "hand" });
  expect(Object.keys(project.config.data.letters!.sources ?? {})).toContain("hand");
  const [plan] = await project.data.planForget(["letters:hand/more"]);
  expect(plan!.documents.map(d => d.id)).toEqual([expect.stringContaining("letters:hand/more")]);
  const { forgotten, remaining } = await project.data.forget(["letters:hand/more"]);
  expect(forgotten[0]!.documents).toEqual(plan!.documents.map(d => d.id));
  expect(remaining).toEqual(expect.arrayContaining(["loam gc --apply"]));
  expect(project.config.data.letters!.forget).toEqual(plan!.documents.map(d => d.entry));
  expect(await failure(project.data.explain("letters:hand/more"))).toBe("data/unknownDocument");
});

test("an export and a card appear under the project's folder, whatever the folder of the process is", async () => {
  const folder = await trainedToy();
  const project = await opened(folder);
  const { files } = await project.data.export("letters", { to: "out/letters", format: "jsonl" });
  for (const f of files) expect(existsSync(join(folder, "out", "letters", f.path))).toBe(true);
  const written = await project.data.writeCard("letters", { to: "cards" });
  expect(readdirSync(join(folder, "cards")).sort()).toEqual([...written.files].sort());
  const exported = await project.models.export("toy@1", { to: "out/toy" });
  expect(exported.path).toBe(join(folder, "out", "toy"));
  expect(await failure(project.models.export("toy@1", { to: "out/toy" }))).toBe("project/exists");
});

test("keys and entries of a gateway are administered where its file lies, and every change is in the list", async () => {
  const folder = temporaryFolder("gateway");
  writeFileSync(
    join(folder, "gateway.yaml"),
    `upstreams: { local: { url: "http://127.0.0.1:1/v1" }, canary: { url: "http://127.0.0.1:2/v1" } }
models: { chat: { targets: [{ upstream: local, model: small, weight: 9 }, { upstream: canary, model: small, weight: 1 }] } }
state: "sqlite:state.sqlite"
access:
  principals: { users: { ann: { roles: [admin] } } }
  policies: [{ id: all, effect: allow }]
`,
  );
  const gateway = administerGateway({ folder });
  const { key, secret } = await gateway.keys.create({ name: "bot", subject: "ann" }, { by: "ann" });
  expect(secret.startsWith(key.prefix)).toBe(true);
  expect(plain({ keys: await gateway.keys.list("ann") })).toEqual(await printed(folder, "gateway", "keys", "list"));
  expect(await gateway.principals.put("users", "zoe", { roles: ["viewer"] })).toMatchObject({ isNew: true, entry: { name: "zoe" } });
  expect(await failure(gateway.principals.put("users", "zoe", { roles: [] }))).toBe("gateway/entryRevision");
  expect((await gateway.policies.list()).map(p => p.id)).toEqual(["all"]);
  expect(await failure(gateway.keys.revoke(key.id))).toBe("gateway/lastAdmin");
  await gateway.keys.create({ name: "second", subject: "ann" }, { by: "ann" });
  expect(await gateway.keys.revoke(key.id)).toMatchObject({ id: key.id });
  const { entries, finding } = await gateway.changes({ verify: true });
  expect(finding).toBeNull();
  expect(entries.map(e => e.what)).toEqual(expect.arrayContaining([expect.stringContaining("key")]));
  expect(await failure(gateway.keys.revoke("nobody"))).toBe("gateway/unknownKey");
  expect((await gateway.split("chat", ["canary=3", "local=1"])).targets.map(t => t.share)).toEqual([0.25, 0.75]);
  expect(await failure(gateway.held.list())).toMatch(/^project\/argument|^gateway\/unavailable/);
});
