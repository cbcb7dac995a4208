/** A release is refused by a fairness gate and let through after debiasing: a tuned classifier of generated applications, from the command line. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeApplications, applicationsYaml as yaml } from "./support/applications.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

interface Gate {
  readonly gate: string;
  readonly outcome: string;
  readonly value?: number;
}

test("a release is refused by a fairness gate and let through after debiasing", async () => {
  const cwd = temporaryFolder("hiring");
  writeApplications(cwd);
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
