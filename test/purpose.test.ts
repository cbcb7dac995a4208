/** A model that declares its purpose learns from no document that lacks it; the tuning of a model that does not is as it was. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = (purpose: string) => `name: tickets
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
${purpose}
    train: { on: tickets, tokens: 4000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
device: { threads: 1 }
`;

test("documents without the purpose are refused with counts, dropped on demand, and the version's lineage has the count", async () => {
  const cwd = temporaryFolder("purpose");
  const rows = letters(80, "tickets").map((text, i) => ({
    id: `t${i}`,
    text,
    customer: i % 20 === 0 ? "user:ann" : `user:c${i}`,
    use: i % 20 === 0 ? "billing" : "support",
  }));
  mkdirSync(join(cwd, "tickets"));
  writeFileSync(join(cwd, "tickets", "tickets.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  const write = (purpose: string) => writeFileSync(join(cwd, "loam.yaml"), yaml(purpose));
  write("    purpose: support");
  const refused = await loam(["run"], { cwd });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/models\.toy\.purpose.*4 of 80 documents lack it.*billing: 4.*lacking: drop/s);
  write("    purpose: { for: support, lacking: drop }");
  const made = await loam(["run"], { cwd });
  expect(made.code, made.stderr).toBe(0);
  expect(made.stdout + made.stderr).toContain("4 dropped (purpose 4, consent 0)");
  const subject = async (id: string) => {
    const found = await loam(["data", "subject", id, "--json"], { cwd });
    expect(found.code, found.stderr).toBe(0);
    return JSON.parse(found.stdout) as { documents: unknown[]; models: string[] };
  };
  // of the person whose documents were dropped the set holds them, and no model learnt from them
  const ann = await subject("user:ann");
  expect([ann.documents.length, ann.models]).toEqual([4, []]);
  expect((await subject("user:c1")).models).toEqual(["toy@1"]);
  const again = await loam(["run"], { cwd });
  expect(again.stdout + again.stderr).not.toContain("fault in Loam");
}, 300_000);
