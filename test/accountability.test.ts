/** The log and the reports over the command line on a small project, as docs/accountability.md and docs/reports.md show them. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { keyOf, verifyLog } from "../examples/verify-log/verify.mjs";
import { loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = `name: mail
data: { mail: { source: { folder: mail, reader: text } } }
tokenizer: { vocab: 300, from: mail }
models: {}
governance:
  owners:
    model/mail-spam: { owner: Mail team, contact: mail-team@example.com }
  statements:
    purpose: Sorts mail of employees into spam and other mail.
    retention: Mails are kept for 90 days.
releases:
  prod: { owner: required }
`;

interface Shown {
  readonly id: string;
  readonly position: number;
  readonly kind: string;
  readonly what: string;
}

function project() {
  const cwd = temporaryFolder("accountability");
  mkdirSync(join(cwd, "mail"));
  writeFileSync(join(cwd, "mail", "a.txt"), "A mail about the meeting on Monday.");
  writeFileSync(join(cwd, "report.pdf"), "what support saw");
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  const run = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, `${args.join(" ")}: ${ended.stderr}`).toBe(0);
    return ended.stdout;
  };
  const json = async <T>(...args: string[]) => JSON.parse(await run(...args, "--json")) as T;
  return { cwd, run, json };
}

test("acts are recorded, listed and proved; an export is verified without Loam, grows, and its witness refuses another history", async () => {
  const { cwd, run, json } = project();
  const note = ["--note", "reported by support", "--evidence", "report.pdf"];
  const act = await json<Shown>("log", "act", "incident", "wrong label", "mail-spam@3", ...note);
  await run("log", "act", "review", "looked at", "mail-spam@3", "--as", "ann");
  const { acts } = await json<{ acts: Shown[] }>("log");
  // the guard of the release is an entry of the log too
  expect(acts.map(a => [a.kind, a.what])).toEqual([
    ["review", "looked at"],
    ["incident", "wrong label"],
    ["policy", "gate.set"],
  ]);
  expect((await json<{ acts: Shown[] }>("log", "--kind", "incident")).acts.map(a => a.id)).toEqual([act.id]);
  expect((await json<{ acts: Shown[] }>("log", "--who", "ann", "--most", "1")).acts.map(a => a.kind)).toEqual(["review"]);
  const proof = await json<{ index: number; entry: string; openings: { field: string }[] }>("log", "prove", act.id);
  expect(proof.index).toBe(act.position);
  expect(proof.entry).not.toContain("reported by support");
  expect(proof.openings.map(o => o.field)).toContain("note");
  expect((await loam(["log", "prove", "999"], { cwd })).code).not.toBe(0);

  await run("models", "keygen", "log.pem");
  await run("models", "keygen", "witness.pem");
  const signing = ["--key", "log.pem", "--origin", "example.com/mail"];
  expect(await run("log", "checkpoint", ...signing)).toMatch(/^example\.com\/mail\n3\n/);
  const first = await json<{ size: number; verifierKey: string }>("log", "export", "public/log", ...signing);
  writeFileSync(join(cwd, "log.vkey"), first.verifierKey);
  const keys = [keyOf(first.verifierKey)];
  const folder = join(cwd, "public", "log");
  const old = readFileSync(join(folder, "checkpoint"), "utf8");
  const witness = ["--key", "witness.pem", "--name", "witness.example.org", "--log-key", "log.vkey", "--state", "witness.json"];
  expect(await json("log", "witness", "public/log", ...witness)).toMatchObject({ size: 3, since: 0 });

  await run("log", "act", "access", "export", "mail");
  await run("log", "export", "public/log", ...signing);
  expect(verifyLog(folder, { keys, old }).entries).toHaveLength(4);
  expect(await json("log", "witness", "public/log", ...witness)).toMatchObject({ size: 4, since: 3 });

  // another history under the same key and name
  const other = project();
  for (const file of ["log.pem", "witness.pem", "log.vkey", "witness.json"])
    writeFileSync(join(other.cwd, file), readFileSync(join(cwd, file)));
  for (let i = 0; i < 5; i++) await other.run("log", "act", "incident", "other", `thing ${i}`);
  await other.run("log", "export", "public/log", ...signing);
  const refused = await loam(["log", "witness", "public/log", ...witness], { cwd: other.cwd });
  expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining("it was rewritten")]);
  expect((await loam(["log", "export", folder, ...signing], { cwd: other.cwd })).stderr).toContain("does not begin with the tree");
  expect(verifyLog(folder, { keys, old }).entries).toHaveLength(4);
}, 120_000);

test("each report says what the file and the log say, names gaps, and an unknown one is refused", async () => {
  const { cwd, run, json } = project();
  await run("log", "act", "incident", "wrong label", "mail-spam@3", "--as", "Ann Example");
  for (const kind of ["annex-iv", "nist-rmf", "gdpr-records"]) {
    const made = await json<{ kind: string; sections: { statements: { text: string }[]; gaps: unknown[] }[] }>("report", kind);
    expect(made.kind).toBe(kind);
    const text = await run("report", kind, "--out", `${kind}.md`).then(() => readFileSync(join(cwd, `${kind}.md`), "utf8"));
    expect(text).toContain("model/mail-spam: Mail team (mail-team@example.com)");
    expect(text).toContain("**missing**");
    expect(text).not.toContain("Ann Example");
  }
  expect(readFileSync(join(cwd, "gdpr-records.md"), "utf8")).toContain("Mails are kept for 90 days.");
  const unknown = await loam(["report", "soc2"], { cwd });
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("annex-iv, nist-rmf, gdpr-records")]);
  expect(readdirSync(cwd).filter(name => name.startsWith("soc2"))).toEqual([]);
});

deepTest(
  "docs/accountability.md and reports.md: every command runs, and the log is proved, exported and co-signed as the pages show",
  async () => {
    const { cwd, run } = project();
    symlinkSync(join(root, "examples"), join(cwd, "examples"), "junction");
    // the guard of the release is entry 0
    for (let i = 1; i < 12; i++) await run("log", "act", "review", "looked at", `thing ${i}`);
    const page = (name: string) => readFileSync(join(root, "docs", name), "utf8");
    await followPage(page("accountability.md"), {
      cwd,
      own: {
        // whom the log takes for the person at the terminal
        "loam log act incident": "loam log act incident --as ann",
        '"witness.example.org+..."': `"$(cat witness.said | grep -o "witness.example.org+.*")"`,
        "--state witness.json": "--state witness.json | tee witness.said",
      },
    });
    await followPage(page("reports.md"), { cwd });
    expect(readFileSync(join(cwd, "annex-iv.md"), "utf8")).toContain("log entry 12");
  },
);

test("the verifier checks, too, when it is started by a link to it", async () => {
  const { cwd, run } = project();
  await run("models", "keygen", "log.pem");
  await run("log", "export", "log", "--key", "log.pem", "--origin", "example.com/mail");
  symlinkSync(join(root, "examples", "verify-log"), join(cwd, "tools"), "junction");
  const verify = () => promisify(execFile)(process.execPath, ["tools/verify.mjs", "log", "--key", "log/log.vkey"], { cwd });
  expect((await verify()).stdout).toContain("entries fit the signed root");
  const checkpoint = join(cwd, "log", "checkpoint");
  writeFileSync(checkpoint, readFileSync(checkpoint, "utf8").replace("\n1\n", "\n2\n"));
  await expect(verify()).rejects.toThrow("verify:");
});
