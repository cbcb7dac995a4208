import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { type WatchFigures, watchMetrics } from "./watch-figures.ts";

const figures: WatchFigures = {
  alarms: [
    { monitor: "latency", kind: "chart", model: "mail@3", severity: "ticket" },
    { monitor: "answers", kind: "slo", model: "", severity: "page" },
    { monitor: "words", kind: "drift", model: "mail@3", severity: "ticket" },
  ],
  objectives: [{ name: "answers", objective: 0.999, reached: 0.9985, budgetLeft: -0.5, burn: { "1h": 15.5, "5m": 16 } }],
  drift: [{ model: "mail@3", feature: "length", measure: "ks", score: 0.155, p: 0.0001 }],
  quality: [{ model: "mail@3", metric: "log_loss", source: "estimate", value: Number.NaN }],
  lookedMs: 1_700_000_000_500,
};
const seriesOf = async (registry: Registry) => (await registry.metrics()).split("\n").filter(l => /^loam_/.test(l));

test("figures of monitors become gauges as they are when somebody looks; what is no number has no series", async () => {
  const registry = new Registry();
  let now: WatchFigures | undefined;
  watchMetrics(registry, () => now);
  expect(await seriesOf(registry)).toEqual([]);
  now = figures;
  expect(await seriesOf(registry)).toEqual([
    'loam_alarms{severity="page"} 1',
    'loam_alarms{severity="ticket"} 2',
    'loam_alarm_active{monitor="latency",kind="chart",model="mail@3",severity="ticket"} 1',
    'loam_alarm_active{monitor="answers",kind="slo",model="",severity="page"} 1',
    'loam_alarm_active{monitor="words",kind="drift",model="mail@3",severity="ticket"} 1',
    'loam_slo_objective_ratio{slo="answers"} 0.999',
    'loam_slo_reached_ratio{slo="answers"} 0.9985',
    'loam_slo_budget_left_ratio{slo="answers"} -0.5',
    'loam_slo_burn_rate{slo="answers",window="1h"} 15.5',
    'loam_slo_burn_rate{slo="answers",window="5m"} 16',
    'loam_drift_score{model="mail@3",feature="length",measure="ks"} 0.155',
    'loam_drift_p_value{model="mail@3",feature="length",measure="ks"} 0.0001',
    "loam_watch_looked_timestamp_seconds 1700000000.5",
  ]);
  now = { ...figures, alarms: [], lookedMs: undefined };
  const after = await seriesOf(registry);
  expect(after).toContain('loam_alarms{severity="page"} 0');
  expect(after.filter(l => /alarm_active|looked/.test(l))).toEqual([]);
});

test("however many figures there are, a gauge has at most 500 series", async () => {
  const registry = new Registry();
  const many = Array.from({ length: 2_000 }, (_, i) => ({ model: "m", feature: `f${i}`, measure: "ks", score: i, p: 1 }));
  watchMetrics(registry, () => ({ ...figures, drift: many }));
  expect((await seriesOf(registry)).filter(l => l.startsWith("loam_drift_score"))).toHaveLength(500);
});
