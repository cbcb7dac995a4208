import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { watchDashboards } from "./watch-dashboards.ts";

async function written(cwd: string, options: Options): Promise<string> {
  const pieces: string[] = [];
  const sink = new Writable({
    write(chunk, _, done) {
      pieces.push(String(chunk));
      done();
    },
  });
  const none = new Writable({ write: (_, __, done) => done() });
  await watchDashboards({ out: createOutput(true, { out: sink, err: none }), cwd, signal: new AbortController().signal }, [], options);
  return pieces.join("");
}

test("`loam watch dashboards` writes its files below the folder, replaces its own and leaves others alone", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "loam-cli-dashboards-"));
  const told = JSON.parse(await written(cwd, { to: "monitoring" })) as { folder: string; files: string[] };
  expect(told.folder).toBe(join(cwd, "monitoring"));
  expect(told.files).toContain("grafana/dashboards/loam-server.json");
  for (const file of told.files) expect(existsSync(join(told.folder, file)), file).toBe(true);
  writeFileSync(join(told.folder, "prometheus", "own.yml"), "groups: []\n");
  await written(cwd, { to: "monitoring", job: "llm.*", objective: "0.99" });
  const rules = readFileSync(join(told.folder, "prometheus", "loam-alerts.yml"), "utf8");
  expect(rules).toContain('job=~"llm.*"');
  expect(rules).toContain("> 0.144 ");
  expect(existsSync(join(told.folder, "prometheus", "own.yml"))).toBe(true);
  rmSync(cwd, { recursive: true, force: true });
});

test("what is no folder, job or objective is refused by the option's name", async () => {
  await expect(written(".", {})).rejects.toThrow("loam watch dashboards: expected a folder: --to FOLDER");
  await expect(written(".", { to: "x", objective: "99.9" })).rejects.toThrow("--objective: expected a number from 0 to 1");
  await expect(written(".", { to: "x", job: 'a"' })).rejects.toThrow("job: expected a regular expression of job names");
});
