/** A release is refused by a fairness gate and let through after debiasing: a tuned classifier of generated applications, from the command line. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = (tune: string) => `name: hiring
data:
  applications:
    source: { folder: applications, reader: csv }
    steps: [clean]
    # of few words in all, so that most texts are alike by them
    split: { heldOut: 0.35, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: applications }
models:
  toy:
    layers: 1
    width: 32
    heads: 2
    context: 64
    train: { on: applications, tokens: 8000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
  hire:
    base: toy
    tune: { task: classify, on: applications, label: hired, length: 48, epochs: 12, rate: 0.01, pooling: mean, validation: 0.1, select: loss, patience: 0,
            baselines: [majority], groups: { by: [club], positive: "yes", least: 20 }${tune} }
releases:
  prod: { requires: ["test.equalisedOdds <= 0.5", "test.acc >= 0.6"] }
device: { threads: 1 }
`;

const skills = { good: ["careful", "fluent", "prompt", "skilled"], poor: ["late", "careless", "vague", "absent"] } as const;
const clubs = { chess: ["rook", "knight", "pawn"], rowing: ["oar", "boat", "river"] } as const;

/** Whether somebody was hired followed the skill, but of rowers more and of chess players fewer; the texts name words of the club. */
function applications(folder: string): void {
  const r = random("applications");
  const rows = Array.from({ length: 900 }, (_, i) => {
    const club = r.below(2) ? "chess" : "rowing";
    const skill = r.below(2) ? "good" : "poor";
    const chance = 0.5 + (skill === "good" ? 0.12 : -0.12) + (club === "rowing" ? 0.36 : -0.36);
    const words = Array.from({ length: 6 }, (_, k) => (k < 3 ? skills[skill][r.below(4)] : clubs[club][r.below(3)]));
    return `"applicant ${i} ${words.join(" ")}",${r.uniform() < chance ? "yes" : "no"},${club}`;
  });
  mkdirSync(join(folder, "applications"));
  writeFileSync(join(folder, "applications", "all.csv"), `text,hired,club\n${rows.join("\n")}\n`);
}

interface Gate {
  readonly gate: string;
  readonly outcome: string;
  readonly value?: number;
}

test("a release is refused by a fairness gate and let through after debiasing", async () => {
  const cwd = temporaryFolder("hiring");
  applications(cwd);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await loam([...args, "--json"], { cwd });
    return { code, stderr, result: jsonLines(stdout).at(-1) as Record<string, unknown> };
  };
  const gatesOf = (result: Record<string, unknown>) => (result.verdict as { gates: Gate[] }).gates;
  const odds = (gates: readonly Gate[]) => gates.find(g => g.gate.startsWith("test.equalisedOdds"))!;

  writeFileSync(join(cwd, "loam.yaml"), yaml(""));
  const plain = await run("tune", "hire");
  expect(plain.code, plain.stderr).toBe(0);
  expect(plain.stderr).toMatch(/groups by club, outcome "yes"/);
  expect(plain.stderr).toMatch(/equalisedOdds +0\.\d{3} \[/);
  const refused = await run("models", "promote", "hire@1", "prod");
  expect(refused.code).toBe(1);
  expect(refused.result).toMatchObject({ release: null, error: { code: "registry/refused" } });
  const before = odds(gatesOf(refused.result));
  expect(before.outcome).toBe("failed");

  // a name that no document has is refused before training
  writeFileSync(join(cwd, "loam.yaml"), yaml("").replace("by: [club]", "by: [clubb]"));
  const misspelt = await run("tune", "hire");
  expect(misspelt.code).not.toBe(0);
  expect(misspelt.stderr + JSON.stringify(misspelt.result)).toMatch(/clubb.*which no document has/);

  writeFileSync(join(cwd, "loam.yaml"), yaml(", debias: { attributes: [club], rate: 0.02 }"));
  const debiased = await run("tune", "hire");
  expect(debiased.code, debiased.stderr).toBe(0);
  const passed = await run("models", "promote", "hire@2", "prod");
  expect(passed.code, passed.stderr).toBe(0);
  expect(passed.result).toMatchObject({ release: { number: 2 } });
  const after = odds(gatesOf(passed.result));
  expect(after.outcome).toBe("passed");
  expect(after.value!).toBeLessThan(before.value! / 2);

  // a group that is too small fails the gate, with the reason
  writeFileSync(join(cwd, "loam.yaml"), yaml(", debias: { attributes: [club], rate: 0.02 }").replace("least: 20", "least: 400"));
  expect((await run("tune", "hire")).code).toBe(0);
  const small = await run("models", "gates", "hire@2");
  expect(JSON.stringify(small.result)).toMatch(/fewer than 400/);
});
