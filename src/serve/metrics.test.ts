import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Engines } from "./engines.ts";
import { createServeMetrics } from "./metrics.ts";
import { renamedMetrics, vllmNames } from "./vllm-names.ts";

const page = readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8");

test("the page names every metric, and no other", async () => {
  const text = await createServeMetrics(new Engines(), "1.2.3").text();
  const there = [...text.matchAll(/^# TYPE (loam_\w+) /gm)].map(m => m[1]!);
  const told = [...page.matchAll(/`(loam_\w+)`/g)].map(m => m[1]!);
  expect([...new Set(told)].sort()).toEqual(there.sort());
  const [, protocol = ""] = page.split(/model-server protocol +\|/);
  for (const name of [...protocol.matchAll(/`(vllm:\w+)`/g)].map(m => m[1]!))
    expect(text).toMatch(new RegExp(`^# TYPE ${name} gauge$`, "m"));
  for (const ours of Object.keys(vllmNames)) expect(there).toContain(ours);
});

test("a metric's other name changes names and labels, and no value, whatever a label's value says", () => {
  const text = [
    "# HELP loam_x loam_x and {model=",
    "# TYPE loam_x histogram",
    String.raw`loam_x_bucket{le="0.1",model="a,model=\"b",outcome="stop"} 3`,
    'loam_x_sum{model="loam_x"} 0.5',
    "loam_x 7",
  ].join("\n");
  expect(renamedMetrics(text, "loam_x", { name: "vllm:y", labels: { outcome: "finished_reason" } }).split("\n")).toEqual([
    "# HELP vllm:y loam_x and {model=",
    "# TYPE vllm:y histogram",
    String.raw`vllm:y_bucket{le="0.1",model_name="a,model=\"b",finished_reason="stop"} 3`,
    'vllm:y_sum{model_name="loam_x"} 0.5',
    "vllm:y 7",
  ]);
});
