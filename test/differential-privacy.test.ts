/** docs/differential-privacy.md: its code blocks run as they stand, and its recipe is one that `loam.yaml` takes. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { privacyOptions } from "../src/tune/privacy/options.ts";

const page = readFileSync(fileURLToPath(new URL("../docs/differential-privacy.md", import.meta.url)), "utf8");
const block = (language: string, name: string): string => {
  const found = new RegExp(`\`\`\`${language} ${name}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (!found) throw new Error(`docs/differential-privacy.md: no block ${name}`);
  return found;
};

async function exported(name: string): Promise<Record<string, unknown>> {
  const file = join(fileURLToPath(new URL(".", import.meta.url)), `differential-privacy-${name}-${process.pid}.mjs`);
  writeFileSync(file, block("ts", name).replace(/from "loam\/(\w+)"/, `from "../src/$1/index.ts"`));
  try {
    return await import(file);
  } finally {
    rmSync(file, { force: true });
  }
}

test("the noise for epsilon 8 costs 8, and the Rényi accountant says more", async () => {
  const { found } = (await exported("accountants")) as { found: Record<"noise" | "epsilon" | "rdp", number> };
  expect(found.epsilon).toBeLessThanOrEqual(8);
  expect(found.epsilon).toBeGreaterThan(7.9);
  expect(found.rdp).toBeGreaterThan(found.epsilon);
  expect(found.noise).toBeGreaterThan(0.4);
});

test("norms are those of each row's gradient, and the sum is of clipped ones", async () => {
  const { values, sums } = (await exported("gradients")) as { values: Float64Array; sums: Float64Array };
  // the gradient of a row is 2 (w x) x: 14 x 5 and 0.2 x 0.1
  expect(values[0]).toBeCloseTo(70, 4);
  expect(values[1]).toBeCloseTo(0.02, 6);
  expect(sums[0]).toBeCloseTo(0.6 + 0.02, 5);
  expect(sums[1]).toBeCloseTo(0.8, 5);
});

test("the recipe of the page is one that the schema takes", () => {
  const yaml = parse(block("yaml", "loam.yaml")) as { models: { spam: { tune: { privacy: unknown } } } };
  expect(privacyOptions.parse(yaml.models.spam.tune.privacy)).toMatchObject({ epsilon: 4, person: "from", accountant: "pld" });
});
