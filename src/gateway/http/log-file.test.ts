import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { fileSink } from "./log-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-log-"));
  path = join(folder, "access.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const startMs = Date.UTC(2026, 0, 1, 10);
const whole = () =>
  readdirSync(folder)
    .map(name => readFileSync(join(folder, name), "utf8"))
    .join("");

test("a file that is full is put away, a line is in one file alone, and none is lost", async () => {
  const clock = { ms: startMs };
  const sink = fileSink(path, { sizeBytes: 100, now: () => clock.ms });
  for (let i = 0; i < 30; i++) {
    sink.write(`line ${i}\n`);
    clock.ms += 1_000;
    await new Promise(resolve => setTimeout(resolve, 2));
  }
  await sink.close();
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(2);
  for (const name of files) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(100);
  expect(whole().trim().split("\n").sort()).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i}`).sort());
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a new day begins a new file, also after a new start; the same day goes on in the same one", async () => {
  const clock = { ms: Date.now() };
  const first = fileSink(path, { now: () => clock.ms });
  first.write("a\n");
  await first.close();
  const second = fileSink(path, { now: () => clock.ms });
  second.write("b\n");
  await second.close();
  expect(readFileSync(path, "utf8")).toBe("a\nb\n");
  const third = fileSink(path, { now: () => clock.ms + 86_400_000 });
  third.write("c\n");
  await third.close();
  expect(readFileSync(path, "utf8")).toBe("c\n");
  expect(readdirSync(folder)).toHaveLength(2);
});

test("files that were put away go when they are too old; others with a similar name stay", async () => {
  const old = `${path}.2020-01-01T00-00-00-000Z`;
  for (const name of [old, `${path}.2020.bak`, join(folder, "other.log.2020-01-01T00-00-00-000Z")]) {
    writeFileSync(name, "x");
    utimesSync(name, 1, 1);
  }
  const sink = fileSink(path, { keepMs: 86_400_000, now: () => Date.now() });
  await until(() => !readdirSync(folder).includes("access.log.2020-01-01T00-00-00-000Z"));
  await sink.close();
  expect(readdirSync(folder).sort()).toEqual(["access.log", "access.log.2020.bak", "other.log.2020-01-01T00-00-00-000Z"]);
});

test("where somebody moved the file away a new one is begun", async () => {
  const sink = fileSink(path, { now: () => Date.now(), lookMs: 10 });
  sink.write("a\n");
  await until(() => readdirSync(folder).includes("access.log") && readFileSync(path, "utf8") === "a\n");
  renameSync(path, `${path}.1`);
  await until(() => readdirSync(folder).includes("access.log"));
  sink.write("b\n");
  await sink.close();
  expect([readFileSync(`${path}.1`, "utf8"), readFileSync(path, "utf8")]).toEqual(["a\n", "b\n"]);
});
