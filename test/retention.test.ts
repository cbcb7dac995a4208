/** Retention rules of loam.yaml, enforced by the command line: what is due goes, by the path of `forget`, and the log says so. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = (retention: string): string => `name: tickets
data:
  tickets:
    source: { folder: tickets, reader: jsonl, attributes: { subject: customer, purpose: use, closed: closed } }
    steps: [clean]
tokenizer: { vocab: 300, from: tickets }
models:
  toy: { layers: 1, width: 32, heads: 2, context: 32, train: { on: tickets, tokens: 4000, rows: 8, rate: 0.02 } }
retention:
${retention}`;

const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

function project(retention: string): string {
  const cwd = temporaryFolder("retention");
  const rows = letters(40, "tickets").map((text, i) => ({
    id: `t${i}`,
    text: i < 4 ? `${text} Kestrel brewery.` : text,
    customer: i === 1 ? "user:ann" : `user:c${i}`,
    use: i === 2 ? "law" : "support",
    // 0 to 3 are old, 4 has no readable date, 5 none
    closed: i === 4 ? "3/2/2020" : i === 5 ? "" : i < 4 ? day(400) : day(3),
  }));
  mkdirSync(join(cwd, "tickets"));
  writeFileSync(join(cwd, "tickets", "tickets.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(join(cwd, "loam.yaml"), yaml(retention));
  return cwd;
}

const id = (n: number): string => `tickets:tickets.jsonl#t${n}`;
const rule = `  old-tickets: { data: tickets, keep: 365d, from: closed, where: { purpose: support }, except: ["user:ann"] }\n`;
const files = "  uploads: { state: files, keep: 30d }\n";

test("what is past its time is shown, erased with an act in the log, and nothing is left to do the second time", async () => {
  const cwd = project(rule + files);
  const run = async (args: readonly string[], code = 0) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(code);
    return ended.stdout;
  };
  const told = async (...args: string[]) => JSON.parse((await run([...args, "--json"])).trim().split("\n").at(-1)!);
  await run(["data", "run"]);
  const served = join(cwd, ".loam", "served-files");
  mkdirSync(served, { recursive: true });
  for (const [n, ago] of [400, 1].entries()) {
    const created_at = Math.floor(Date.now() / 1000) - ago * 86_400;
    writeFileSync(
      join(served, `file-${n}.json`),
      JSON.stringify({ id: `file-${n}`, owner: "user:bob", filename: "notes.txt", created_at }),
    );
    writeFileSync(join(served, `file-${n}.data`), "x");
  }
  // two dates cannot be read: everything else is judged, and the call fails
  const enforced = async (...args: string[]) => {
    const { error, ...report } = JSON.parse((await run(["data", "retention", ...args, "--json"], 1)).trim().split("\n").at(-1)!);
    expect(error).toMatchObject({ code: "project/unjudged", received: `old-tickets: ${id(4)} (closed: "3/2/2020") and 1 more` });
    return report;
  };
  const plan = await enforced();
  expect(plan).toMatchObject({ applied: false, isComplete: false });
  const [tickets, uploads] = plan.rules;
  expect(tickets.documents.map((d: { id: string }) => d.id).sort()).toEqual([id(0), id(3)]);
  expect(tickets.onHold.map((d: { id: string }) => d.id)).toEqual([id(1)]);
  expect(tickets.unreadable).toEqual([
    { id: id(4), problem: 'closed: "3/2/2020"' },
    { id: id(5), problem: "no closed" },
  ]);
  expect(uploads).toMatchObject({ on: "files", due: 1, erased: 0 });
  // a plan changes nothing
  expect(readFileSync(join(cwd, "loam.yaml"), "utf8")).toBe(yaml(rule + files));
  expect(existsSync(join(served, "file-0.data"))).toBe(true);

  const done = await enforced("--apply", "--yes");
  expect(done.rules.map((r: { erased: number }) => r.erased)).toEqual([2, 1]);
  expect([existsSync(join(served, "file-0.data")), existsSync(join(served, "file-1.data"))]).toEqual([false, true]);
  // by hash: the file names no document
  expect(readFileSync(join(cwd, "loam.yaml"), "utf8")).toMatch(/forget: \[?\s*"?#/);
  expect(readFileSync(join(cwd, "loam.yaml"), "utf8")).not.toContain("t0");
  const acts = (await told("log", "--kind", "erasure")).acts as { what: string; on: string; note: string; evidence: object }[];
  expect(acts.map(a => [a.what, a.on, a.note]).sort()).toEqual([
    ["retention", "old-tickets", "2 of data/tickets"],
    ["retention", "uploads", "1 of files"],
  ]);
  expect(Object.keys(acts.find(a => a.on === "old-tickets")!.evidence).sort()).toEqual(["documents", "rule"]);

  const again = await enforced("--apply", "--yes");
  expect(again.rules.map((r: { due: number; erased: number }) => [r.due, r.erased])).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect((await told("log", "--kind", "erasure")).acts).toHaveLength(2);
  // what was not judged is there still; once its dates are read, the call succeeds
  const documents = async () => (await loam(["data", "find", "Kestrel", "--json"], { cwd })).stdout;
  expect(await documents()).not.toContain(id(0));
  const source = join(cwd, "tickets", "tickets.jsonl");
  writeFileSync(
    source,
    readFileSync(source, "utf8")
      .replace('"3/2/2020"', `"${day(3)}"`)
      .replace('"closed":""', `"closed":"${day(3)}"`),
  );
  await run(["data", "run"]);
  expect(await told("data", "retention")).toMatchObject({ isComplete: true });
}, 120_000);

test("a date that cannot be read, of a file, a job or a label, ends with an error that names it, and it is not erased", async () => {
  const cwd = project("  uploads: { state: files, keep: 30d }\n  votes: { state: labels, keep: 30d }\n");
  const store = (path: string, value: unknown) => {
    mkdirSync(join(cwd, path, ".."), { recursive: true });
    writeFileSync(join(cwd, path), typeof value === "string" ? value : `${JSON.stringify(value)}\n`);
  };
  const seconds = Math.floor(Date.now() / 1000) - 400 * 86_400;
  store(".loam/served-files/file-0.json", { id: "file-0", created_at: "2020" });
  store(".loam/served-files/file-1.json", "{");
  store(".loam/served-files/file-2.json", { id: "file-2", created_at: seconds });
  store(".loam/fine-tuning/ftjob-0/job.json", { owner: "user:bob", job: { id: "ftjob-0", status: "succeeded", created_at: seconds } });
  store(".loam/fine-tuning/ftjob-0/training.jsonl", "the text of bob");
  store(".loam/fine-tuning/ftjob-1/job.json", { owner: "user:bob", job: { id: "ftjob-1", status: "paused", created_at: seconds } });
  store("labels/folder.votes.jsonl", { id: "a", by: "ann", label: "work", atMs: seconds * 1000 });
  store("labels/other.votes.jsonl", { id: "a", by: "bob", label: "work", atMs: 0 });
  const shown = await loam(["data", "retention"], { cwd });
  expect(shown.code).toBe(1);
  for (const named of ["served-files/file-0  its description", "served-files/file-1", "labels/other.votes.jsonl:1  atMs: 0"])
    expect(shown.stdout).toContain(named);
  const done = await loam(["data", "retention", "--apply", "--yes", "--json"], { cwd });
  expect(done.code).toBe(1);
  expect(JSON.parse(done.stdout.trim().split("\n").at(-1)!)).toMatchObject({ isComplete: false, rules: [{ erased: 2 }, { erased: 1 }] });
  const there = (path: string) => existsSync(join(cwd, path));
  expect(["file-0", "file-1", "file-2"].map(name => there(`.loam/served-files/${name}.json`))).toEqual([true, true, false]);
  // of a job all goes, the copies of its files too; one that may go on stays
  expect(["ftjob-0", "ftjob-1"].map(name => there(`.loam/fine-tuning/${name}`))).toEqual([false, true]);
  expect(readFileSync(join(cwd, "labels", "folder.votes.jsonl"), "utf8")).toBe('{"id":"a","by":"","label":"work","erased":1,"atMs":0}\n');
  expect(readFileSync(join(cwd, "labels", "other.votes.jsonl"), "utf8")).toContain("bob");
}, 120_000);

test("a missing attribute, an unknown data set and a rule that is none are refused, and nothing is erased", async () => {
  const cwd = project(`  a: { data: tickets, keep: 1d, from: closed }\n  b: { data: tickets, keep: 1d, from: opened }\n`);
  expect((await loam(["data", "run"], { cwd })).code).toBe(0);
  const refused = async (...args: string[]) => {
    const before = readFileSync(join(cwd, "loam.yaml"), "utf8");
    const ended = await loam(["data", "retention", "--apply", "--yes", ...args], { cwd });
    expect(ended.code).toBe(2);
    expect(readFileSync(join(cwd, "loam.yaml"), "utf8")).toBe(before);
    return ended.stderr;
  };
  expect(await refused()).toMatch(/retention\.b\.from.*closed.*opened/s);
  writeFileSync(join(cwd, "loam.yaml"), yaml("  a: { data: letters, keep: 1d }\n"));
  expect(await refused()).toMatch(/retention\.a\.data.*letters/s);
  writeFileSync(join(cwd, "loam.yaml"), yaml("  a: { data: tickets, keep: soon }\n"));
  expect(await refused()).toMatch(/days such as "30d"/);
  writeFileSync(join(cwd, "loam.yaml"), yaml("  a: { data: tickets, state: files, keep: 1d }\n"));
  expect(await refused()).toMatch(/one of them/);
}, 120_000);
