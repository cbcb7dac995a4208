/** The rules and configurations as the programs that read them see them: promtool and amtool. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { installed } from "../../../test/support/installed.ts";
import { dashboardFiles } from "./index.ts";

const promtool = installed("promtool", "LOAM_PROMTOOL");
const amtool = installed("amtool", "LOAM_AMTOOL");
const without = (program: string | undefined, what: string, from: string) =>
  program === undefined ? ` (skipped: ${what} is not installed: apt-get install ${from})` : "";
const noPromtool = without(promtool, "promtool", "prometheus");
const noAmtool = without(amtool, "amtool", "prometheus-alertmanager");

let folder: string;
const files = dashboardFiles();
const write = (name: string, text: string) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-rules-"));
  for (const [name, text] of Object.entries(files)) write(name, text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (program: string, cwd: string, ...parameters: string[]) => {
  const { status, stdout, stderr } = spawnSync(program, parameters, { cwd: join(folder, cwd), encoding: "utf8" });
  return { status, output: stdout + stderr };
};

test.skipIf(promtool === undefined)(`promtool takes the rules and the example configuration${noPromtool}`, () => {
  const rules = run(promtool!, "prometheus", "check", "rules", "loam-recording.yml", "loam-alerts.yml");
  expect(rules.status, rules.output).toBe(0);
  expect(rules.output).not.toMatch(/FAILED|duplicate/i);
  const config = run(promtool!, "prometheus", "check", "config", "prometheus.yml");
  expect(config.status, config.output).toBe(0);
});

test.skipIf(promtool === undefined)(`every alert fires on a series that was written for it, and is over after it${noPromtool}`, () => {
  const { status, output } = run(promtool!, "prometheus", "test", "rules", "loam-alerts.test.yml");
  expect(status, output).toBe(0);
});

test.skipIf(promtool === undefined)(
  `an alert whose limit is out of reach fails its test, so that the tests say something${noPromtool}`,
  () => {
    write("broken/loam-recording.yml", files["prometheus/loam-recording.yml"]!);
    const all = parse(files["prometheus/loam-alerts.test.yml"]!) as { tests: { name: string }[] };
    const some = all.tests.filter(t => ["LoamKvCacheFull", "LoamQueueLong"].includes(t.name));
    write("broken/loam-alerts.test.yml", stringify({ ...all, tests: some }));
    write("broken/loam-alerts.yml", files["prometheus/loam-alerts.yml"]!.replace("> 0.95\n", "> 0.99\n"));
    const { status, output } = run(promtool!, "broken", "test", "rules", "loam-alerts.test.yml");
    expect(status).not.toBe(0);
    expect(some).toHaveLength(2);
    expect(output).toContain("alertname: LoamKvCacheFull");
    expect(output).not.toContain("alertname: LoamQueueLong");
  },
);

test.skipIf(amtool === undefined)(
  `an Alertmanager takes the example configuration, and sends pages and tickets their ways${noAmtool}`,
  () => {
    const config = run(amtool!, "alertmanager", "check-config", "alertmanager.yml");
    expect(config.status, config.output).toBe(0);
    const way = (severity: string) =>
      run(amtool!, "alertmanager", "config", "routes", "test", "--config.file=alertmanager.yml", `severity=${severity}`).output.split(
        "\n",
      )[0];
    expect([way("page"), way("ticket")]).toEqual(["pages", "tickets"]);
  },
);
