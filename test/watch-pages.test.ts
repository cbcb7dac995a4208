/**
 * The pages on monitoring as a reader follows them: every block of commands in order, in the project that the page names, and what it shows comes. What a
 * page leaves to its reader (ids, keys) is the run's own; an Alertmanager and Prometheus are real ones where they are installed.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { changeStates, listArtifacts, openStore, statesOf } from "../src/store/index.ts";
import { loam, root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { installed, stopped } from "./support/installed.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { temporaryFolder, trainedTemplate } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** Customers of the service: their texts are classified by a server that starts and ends with them. */
async function customersAsk(cwd: string, texts: readonly string[]): Promise<void> {
  const server = start(["serve", "--port", "0"], { cwd });
  const [url] = await server.says(/http:\/\/127\.0\.0\.1:\d+/);
  // the first response of a version makes its sketch known, in its own time
  for (const text of [...texts.slice(0, 1), ...texts]) {
    const body = JSON.stringify({ examples: [{ text }] });
    const response = await fetch(`${url}/v1/models/tickets:classify`, { method: "POST", body });
    expect(response.status, await response.text()).toBe(200);
  }
  server.kill("SIGTERM");
  await server.ended;
}

const alertmanager = installed("prometheus-alertmanager", "LOAM_ALERTMANAGER", "/usr/bin/alertmanager");

/** A real one at the port that the page names. */
function startAlertmanager({ ports }: ReaderShell): void {
  const folder = temporaryFolder("alertmanager");
  writeFileSync(join(folder, "alertmanager.yml"), "route:\n  receiver: none\nreceivers:\n  - name: none\n");
  const child = spawn(
    alertmanager!,
    [
      `--config.file=${join(folder, "alertmanager.yml")}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${ports.get("9093")}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  onTestFinished(() => stopped(child));
}

const noAlertmanager = alertmanager ? "" : " (without an Alertmanager: apt-get install prometheus-alertmanager, or LOAM_ALERTMANAGER=PATH)";
deepTest(`docs/watch.md: every command runs, and an alarm comes as the page shows it${noAlertmanager}`, async () => {
  const cwd = await trainedTemplate("tickets", "classify");
  const shell = await followPage(page("watch.md"), {
    cwd,
    parts: ["loam.yaml"],
    own: {
      // however busy the machine
      "sleep 100": "until loam watch alarms --active --json | grep -q alarm_; do sleep 3; done",
      alarm_5d0c8d4f1b7e9a3c2f60: '"$(loam watch alarms --json | grep -o "alarm_[0-9a-f]*" | head -1)"',
    },
    before: { "loam serve  ": at => (alertmanager ? startAlertmanager(at) : undefined) },
  });
  if (alertmanager) {
    const alerts = await (await fetch(`http://127.0.0.1:${shell.ports.get("9093")}/api/v2/alerts`)).json();
    expect(alerts).toMatchObject([{ labels: { alertname: "LoamSlo", monitor: "fast", model: "tickets", severity: "page" } }]);
  }
});

const hourMs = 3_600_000;
/** What customers asked in the same hours of the last week: the traffic that is kept, once more. */
async function sameHoursLastWeek(cwd: string): Promise<void> {
  const store = await openStore({ root: cwd });
  const scope = "watch/sketches/tickets@1";
  const rows = await statesOf(store.records.read, scope);
  expect(rows.length).toBeGreaterThan(0);
  const earlier = rows.map(({ key, value }) => {
    const [hour, process] = key.split("/");
    return [`${String(Number(hour) - (7 * 24 * hourMs) / hourMs).padStart(hour!.length, "0")}/${process}`, value] as const;
  });
  await changeStates(store, states => states.putAll(scope, new Map(earlier)));
  await store.close();
}

deepTest("docs/drift.md: every command runs, and new texts, traffic and its season are compared as the page shows", async () => {
  const cwd = await trainedTemplate("tickets", "classify");
  const store = await openStore({ root: cwd });
  const [first, second] = (await listArtifacts(store, { kind: "sketch" })).map(a => a.id);
  await store.close();
  const texts = Array.from({ length: 240 }, (_, i) => `order ${1000 + i}: the strike has my parcel`);
  const shell = await followPage(page("drift.md"), {
    cwd,
    own: { "sketch-2b62d455639f": first!, "sketch-90c1aa07f3d2": second! },
    before: {
      "loam watch drift tickets   ": () => customersAsk(cwd, texts),
      "loam watch drift tickets --hours": () => sameHoursLastWeek(cwd),
    },
  });
  // those of its sentences
  for (const command of ["loam watch forget user:ann", "loam data forget user:ann --everywhere"]) {
    expect(page("drift.md")).toContain(`\`${command}\``);
    // nobody is there to be asked
    await shell.run(command.replace("--everywhere", "--everywhere --yes"));
  }
});

deepTest("docs/loop.md: every command runs, and a round is proved, promoted and taken back as the page shows", async () => {
  const cwd = await trainedTemplate("tickets", "classify");
  await followPage(page("loop.md"), { cwd, parts: ["loam.yaml"] });
  // the program pauses the loop
  const folder = temporaryFolder("loop-program");
  symlinkSync(cwd, join(folder, "tickets"), "junction");
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "loam"), "junction");
  const [program] = codeBlocks(page("loop.md")).filter(b => b.language === "ts");
  writeFileSync(join(folder, "program.mjs"), program!.text);
  await promisify(execFile)(process.execPath, ["program.mjs"], { cwd: folder });
  const { stdout } = await loam(["loop", "status", "--json"], { cwd });
  expect(JSON.parse(stdout)).toMatchObject({ current: 1, paused: { why: "incident" } });
});

const promtool = installed("promtool", "LOAM_PROMTOOL");
const noPromtool = promtool ? "" : " (skipped: apt-get install prometheus, or LOAM_PROMTOOL=PATH)";
(promtool ? deepTest : test.skip)(`docs/dashboards.md: both commands run and print what the page shows${noPromtool}`, async () => {
  const env = { PATH: `${dirname(promtool!)}${delimiter}${process.env.PATH}` };
  const { folder } = await followPage(page("dashboards.md"), { env });
  // what the page shows of the folder is all of it
  const files = readdirSync(join(folder, "monitoring"), { recursive: true, withFileTypes: true }).filter(e => e.isFile());
  expect(files).toHaveLength(12);
});
