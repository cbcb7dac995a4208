/** What docs/watch.md says of the running server: its example is read as loam.yaml would be, and its figures are those that there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../../../test/support/child.ts";
import { parseYaml } from "../../../base/index.ts";
import { windowMetrics } from "../../../watch/index.ts";
import { sloPart, watchDefaults, watchPart } from "../../../watch/part.ts";
import { objectiveRules } from "./objective-rules.ts";

const page = readFileSync(join(root, "docs", "watch.md"), "utf8");

test("the example of the page is read with its defaults", () => {
  const [, yaml] = /^```yaml\n([\s\S]*?)^```$/m.exec(page)!;
  const { watch, slo } = parseYaml(yaml!, "docs/watch.md") as { watch: unknown; slo: unknown };
  expect(watchPart.parse(watch)).toEqual({ ...watchDefaults, alertmanager: "http://127.0.0.1:9093" });
  expect(objectiveRules(sloPart.parse(slo))).toEqual([
    { name: "answers", objective: 0.999, windowMs: 30 * 86_400_000 },
    { name: "fast", objective: 0.99, windowMs: 30 * 86_400_000, model: "tickets", latencyMs: 1 },
  ]);
});

test("every figure of a window is named on the page", () => {
  for (const metric of windowMetrics) expect(page).toContain(`\`${metric}\``);
});
