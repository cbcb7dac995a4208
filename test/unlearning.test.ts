/** A model that forgets documents: by unlearning and by retraining, measured beside a model that never saw them, judged by a gate, certified. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { isCertificate } from "../src/project/privacy/index.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = `name: tickets
data:
  tickets:
    source: { folder: tickets, reader: jsonl, attributes: { subject: customer } }
    steps: [clean]
    split: { heldOut: 0.3 }
tokenizer: { vocab: 300, from: tickets }
models:
  toy:
    layers: 1
    width: 32
    heads: 2
    context: 48
    train: { on: tickets, tokens: 120000, rows: 8, rate: 0.02, evaluateEvery: 1000 }
    evaluate: { baselines: [gzip] }
releases:
  prod: { requires: ["erasedWithinNeverSeen >= 1"] }
  strict: { requires: ["erasedAuc <= 0.0001"] }
device: { threads: 1 }
`;

function project(): string {
  const cwd = temporaryFolder("unlearning");
  const rows = letters(120, "unlearning").map((text, i) => ({
    id: `t${i}`,
    text: text.slice(0, 120),
    customer: i % 4 === 0 ? "user:ann" : `user:c${i}`,
  }));
  mkdirSync(join(cwd, "tickets"));
  writeFileSync(join(cwd, "tickets", "tickets.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  return cwd;
}

test("a version without a person's documents is made, measured beside retraining, judged by a gate and certified", async () => {
  const cwd = project();
  const run = async (...args: string[]) => {
    const ended = await loam(args, { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  /** The result is the last line; progress comes before it. */
  const told = async (...args: string[]) => JSON.parse((await run(...args, "--json")).trim().split("\n").at(-1)!);
  await run("run");
  const held = JSON.parse(await run("data", "subject", "user:ann", "--json"));
  const ids: string[] = held.documents.filter((d: { side: string }) => d.side === "train").map((d: { id: string }) => d.id);
  expect(ids.length).toBeGreaterThan(10);
  writeFileSync(join(cwd, "forget.txt"), ids.join("\n"));

  const few = await loam(["models", "unlearn", "toy@1", ids[0]!], { cwd });
  expect(few.code).toBe(2);
  expect(few.stderr).toContain("10 documents to forget");
  const unknown = await loam(["models", "unlearn", "toy@1", "no-such-document"], { cwd });
  expect(unknown.stderr).toContain("no-such-document");
  const saw = await loam(["models", "unlearn", "toy@1", "--list", "forget.txt", "--reference", "toy@1", "--steps", "2"], { cwd });
  expect(saw.code).toBe(2);
  expect(saw.stderr).toContain(`trained on ${ids.length} of them`);

  const made = await told("models", "unlearn", "toy@1", "--list", "forget.txt", "--reference", "retrain", "--rate", "0.002");
  expect(made).toMatchObject({ parent: "toy@1", method: "npo", documents: ids.length });
  const { before, after, reference, isWithinNeverSeen } = made.measurement;
  expect(before.membership.value).toBeGreaterThan(0.7);
  expect(after.membership.value).toBeLessThan(before.membership.value);
  expect(reference.membership.value).toBeLessThan(before.membership.value);
  expect(after.nats.erased).toBeGreaterThan(before.nats.erased);
  const { value } = after.membership;
  expect(isWithinNeverSeen).toBe(reference.membership.low <= value && value <= reference.membership.high);
  expect(made.cost.retraining.processorSeconds).toBeGreaterThan(0);

  // parents and documents stand in the version by digest alone, and nothing of the record makes it keep the texts
  const trace = await run("trace", made.artifact, "--json");
  expect(trace).not.toContain("shards-");
  for (const id of ids) expect(trace).not.toContain(id);

  // exact: the same content as the reference, so the same figures
  const exact = await told("models", "unlearn", "toy@1", "--list", "forget.txt", "--method", "retrain", "--reference", "retrain");
  expect(exact.action).toBe("reused");
  expect(exact.measurement.after).toEqual(reference);
  expect(exact.measurement.isWithinNeverSeen).toBe(true);

  const gates = async (version: string, alias: string) => {
    const { code, stdout, stderr } = await loam(["models", "promote", version, alias, "--dry-run", "--json"], { cwd });
    return { code, told: stdout + stderr };
  };
  expect((await gates(exact.version, "prod")).code).toBe(0);
  expect((await gates(exact.version, "strict")).code).toBe(1);
  // a version of which nothing was erased has no such figure, and does not pass
  const never = await gates("toy@1", "prod");
  expect(never.code).toBe(1);
  expect(never.told).toContain("notComputed");

  const both = await loam(["data", "forget", "user:ann", "--everywhere", "--apply", "--unlearn", "npo", "--yes"], { cwd });
  expect(both.code).toBe(2);
  await run("models", "keygen", "key");
  await run("data", "forget", "user:ann", "--everywhere", "--unlearn", "retrain", "--yes", "--sign", "key", "--certificate", "c.json");
  const certificate = JSON.parse(readFileSync(join(cwd, "c.json"), "utf8"));
  expect(isCertificate(certificate)).toBe(true);
  const [u] = certificate.statement.unlearned;
  expect(u).toMatchObject({ method: "retrain", isWithinNeverSeen: true, measurement: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(u.before.auc).toBeGreaterThan(u.after.auc);
  const acts = JSON.parse(await run("log", "--kind", "erasure", "--json")).acts as { what: string; evidence: object }[];
  expect(acts.filter(a => a.what === "unlearn").length).toBeGreaterThanOrEqual(2);
}, 400_000);
