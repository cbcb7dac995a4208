/** A person's data in a project: found, erased, certified; nothing of it is found afterwards, in no file. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { reviewCipher } from "../src/gateway/review/cipher.ts";
import { ReviewQueue } from "../src/gateway/review/queue.ts";
import { openState } from "../src/gateway/state/state.ts";
import { letters } from "../src/project/init/letters.ts";
import { isAbout, isCertificate } from "../src/project/privacy/index.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = `name: tickets
data:
  tickets:
    source: { folder: tickets, reader: jsonl, attributes: { subject: customer, purpose: use } }
    steps: [clean]
tokenizer: { vocab: 300, from: tickets }
models:
  toy:
    layers: 1
    width: 32
    heads: 2
    context: 32
    train: { on: tickets, tokens: 4000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
device: { threads: 1 }
`;
const secret = "Anneliese keeps bees behind the Kestrel brewery.";

function project(): string {
  const cwd = temporaryFolder("erasure");
  const rows = letters(80, "tickets").map((text, i) => {
    const ann = i % 20 === 0;
    return { id: `t${i}`, text: ann ? `${text} ${secret}` : text, customer: ann ? "user:ann" : `user:c${i}`, use: "support" };
  });
  mkdirSync(join(cwd, "tickets"));
  writeFileSync(join(cwd, "tickets", "tickets.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  mkdirSync(join(cwd, ".loam", "served-files"), { recursive: true });
  for (const [n, owner] of ["user:ann", "user:bob"].entries()) {
    const id = `file-${String(n).repeat(32)}`;
    const file = {
      id,
      object: "file",
      bytes: 9,
      created_at: 1_700_000_000,
      filename: "notes.txt",
      purpose: "batch",
      status: "processed",
      owner,
    };
    writeFileSync(join(cwd, ".loam", "served-files", `${id}.json`), JSON.stringify(file));
    writeFileSync(join(cwd, ".loam", "served-files", `${id}.data`), owner === "user:ann" ? secret : "of bob");
  }
  return cwd;
}

const holding = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    name => statSync(join(folder, name)).isFile() && /Kestrel brewery/.test(readFileSync(join(folder, name), "latin1")),
  );

test("a person's data are found with purpose and models, erased everywhere, and a signed certificate says what was reached", async () => {
  const cwd = project();
  const run = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  await run("run");
  const job = join(cwd, ".loam", "fine-tuning", "ftjob-0");
  mkdirSync(job, { recursive: true });
  writeFileSync(join(job, "job.json"), JSON.stringify({ owner: "user:ann", job: { id: "ftjob-0", status: "succeeded", created_at: 1 } }));
  writeFileSync(join(job, "training.jsonl"), secret);
  const votes = join(cwd, "labels", "mood.votes.jsonl");
  mkdirSync(join(cwd, "labels"));
  const voted = (by: string) => `${JSON.stringify({ id: "t", by, label: "glad", atMs: 5 })}\n`;
  writeFileSync(votes, voted("ann") + voted("bob"));
  await run("data", "subject", "user:ann", "--to", "ann.json");
  const held = JSON.parse(readFileSync(join(cwd, "ann.json"), "utf8"));
  expect(held.documents.map((d: { id: string }) => d.id).sort()).toEqual(
    ["t0", "t20", "t40", "t60"].map(id => `tickets:tickets.jsonl#${id}`),
  );
  for (const d of held.documents) {
    expect(d.text).toContain(secret);
    expect(d.purpose).toBe("support");
  }
  expect(held).toMatchObject({
    models: ["toy@1"],
    files: [
      { name: "notes.txt", purpose: "batch" },
      { name: "ftjob-0", purpose: "fine-tune" },
    ],
  });
  expect(held.votes).toEqual([{ labels: "mood", id: "t", label: "glad", at: "1970-01-01T00:00:00.005Z" }]);
  expect(held.hasKey).toBe(false);
  writeFileSync(join(cwd, "ann.json"), "");
  const accesses = async () =>
    (JSON.parse(await run("log", "--kind", "access", "--json")) as { acts: { on?: string; what: string }[] }).acts.map(({ on, what }) => ({
      on,
      what,
    }));
  expect(await accesses()).toEqual([{ on: "user:ann", what: "data.subject" }]);
  await run("models", "keygen", "key");
  await run("data", "forget", "user:ann", "--everywhere", "--apply", "--yes", "--sign", "key", "--certificate", "erasure.json");
  const certificate = JSON.parse(readFileSync(join(cwd, "erasure.json"), "utf8"));
  expect(isCertificate(certificate)).toBe(true);
  expect([isAbout(certificate, "user:ann"), isAbout(certificate, "user:bob")]).toEqual([true, false]);
  expect(certificate.statement).toMatchObject({ erased: { documents: 4, files: 2, keys: 0 }, found: 0 });
  expect(certificate.statement.places).toContainEqual({ place: "names in label votes", reached: true, erased: 1 });
  expect(readFileSync(votes, "utf8")).toBe(`{"id":"t","by":"","label":"glad","erased":1,"atMs":0}\n${voted("bob")}`);
  expect(existsSync(job)).toBe(false);
  expect(JSON.stringify(certificate)).not.toMatch(/\bann\b/);
  for (const change of [{ found: 1 }, { models: [] }, { at: "2020-01-01T00:00:00.000Z" }])
    expect(isCertificate({ ...certificate, statement: { ...certificate.statement, ...change } })).toBe(false);
  expect(existsSync(join(cwd, ".loam", "served-files", `file-${"1".repeat(32)}.data`))).toBe(true);
  const left = holding(cwd).filter(name => name !== join("tickets", "tickets.jsonl"));
  if (certificate.statement.remaining.length === 0) expect(left).toEqual([]);
  else {
    // an older version keeps its files until it is archived: the commands that are left do that, and then nothing is left
    for (const command of certificate.statement.remaining) await run(...command.split(" ").slice(1));
    expect(holding(cwd).filter(name => name !== join("tickets", "tickets.jsonl"))).toEqual([]);
  }
  expect(JSON.parse(await run("data", "subject", "user:ann", "--json"))).toMatchObject({
    documents: [],
    files: [],
    feedback: 0,
    models: [],
  });
  // the person is erased from the acts of access too, and a search that finds nothing names nobody again
  const after = await accesses();
  expect(after.length).toBeGreaterThan(0);
  expect(after.map(a => a.on)).toEqual(after.map(() => undefined));
}, 300_000);

test("erasure reaches review cases and cached responses of the project's gateway, and names places in its memory", async () => {
  const cwd = temporaryFolder("erasure-gateway");
  const gateway = (cache: string) => `serve: { model: toy }
gateway:
  state: "sqlite:.loam/gateway.db"
  cache: { store: ${cache} }
  access: { principals: { users: { root: { roles: [admin] }, ann: {}, bob: {} } }, policies: [{ id: all, effect: allow }] }
`;
  writeFileSync(join(cwd, "loam.yaml"), `${yaml}${gateway("state")}`);
  mkdirSync(join(cwd, ".loam"));
  const state = await openState({ url: "sqlite:.loam/gateway.db", root: cwd });
  const queue = new ReviewQueue({ database: state.database, cipher: reviewCipher(["test-only".repeat(5)]), now: Date.now });
  const about = {
    guard: "g",
    request: "req_1",
    key: "key_1",
    model: "m",
    endpoint: "chat" as const,
    flaggedBy: [],
    policy: "p",
    priority: 0,
  };
  for (const subject of ["ann", "ann", "bob"])
    await queue.open({ ...about, subject, text: secret, reviewers: 1, deadlineMs: 3_600_000, onDeadline: "refuse" });
  await state.close();
  const erase = async () => {
    const ended = await loam(["data", "forget", "user:ann", "--everywhere", "--apply", "--yes", "--certificate", "c.json"], { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    const { places, notReached } = JSON.parse(readFileSync(join(cwd, "c.json"), "utf8")).statement;
    const of = (place: string) => places.find((p: { place: string }) => p.place === place);
    return { of, notReached };
  };
  const first = await erase();
  expect(first.of("gateway: review cases")).toEqual({ place: "gateway: review cases", reached: true, erased: 2 });
  expect(first.of("gateway: cached responses")).toMatchObject({ reached: true });
  writeFileSync(join(cwd, "loam.yaml"), `${yaml}${gateway("memory")}`);
  const second = await erase();
  expect(second.of("gateway: review cases").erased).toBe(0);
  expect(second.of("gateway: cached responses")).toMatchObject({ reached: false });
  expect(second.notReached.join("\n")).toContain("gateway: cached responses");
}, 120_000);

test("a person of whom nothing is held is said to be so, and two ids at once are refused", async () => {
  const cwd = temporaryFolder("erasure-none");
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  const found = await loam(["data", "subject", "user:nobody", "--json"], { cwd });
  expect(JSON.parse(found.stdout)).toMatchObject({ documents: [], files: [], votes: [], acts: [], models: [] });
  expect((await loam(["data", "subject", "a", "b"], { cwd })).code).toBe(2);
});

test("anonymity of a table is printed, and the generalised copy has the k and l that were asked for", async () => {
  const cwd = temporaryFolder("anonymity");
  const rows = [
    "31,10115,flu",
    "33,10117,cold",
    "35,10119,flu",
    "38,10115,ulcer",
    "52,20095,cold",
    "55,20097,flu",
    "57,20099,ulcer",
    "59,20095,cold",
  ];
  writeFileSync(join(cwd, "people.csv"), `age,zip,illness\n${rows.join("\n")}\n`);
  const args = [
    "data",
    "anonymity",
    "people.csv",
    "--quasi",
    "age,zip",
    "--sensitive",
    "illness",
    "--k",
    "3",
    "--l",
    "2",
    "--to",
    "out.jsonl",
    "--json",
  ];
  const found = JSON.parse((await loam(args, { cwd })).stdout);
  expect(found.before).toMatchObject({ rows: 8, k: 1, uniqueRows: 8 });
  expect(found.after.k).toBeGreaterThanOrEqual(3);
  expect(found.after.sensitive[0].distinctL).toBeGreaterThanOrEqual(2);
  expect(readFileSync(join(cwd, "out.jsonl"), "utf8").trim().split("\n")).toHaveLength(8);
  const wrong = await loam(["data", "anonymity", "people.csv", "--quasi", "age,sex"], { cwd });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("table.sex");
});
