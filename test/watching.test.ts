/** Monitoring with what surrounds it: PostgreSQL, a process that is killed, a disk that is full, and a real Alertmanager. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { changeAlarms } from "../src/project/watching/live/alarms-kept.ts";
import { jumpingClock, toldResponse } from "../src/project/watching/live/fakes.ts";
import { RunningWatch } from "../src/project/watching/live/running-watch.ts";
import { historyScope, watchScopes, windowsOf } from "../src/project/watching/live/scopes.ts";
import { AlarmTeller } from "../src/project/watching/live/tell-alarms.ts";
import { watchedAlarms } from "../src/project/watching/live/watch-status.ts";
import { changeStates, openStore, type Store, statesOf } from "../src/store/index.ts";
import { findPostgres, startPostgres } from "../src/store/servers.laws.ts";
import { watchDefaults } from "../src/watch/part.ts";
import { root } from "./support/child.ts";
import { freePort, installed, stopped } from "./support/installed.ts";
import { noDisks, smallDisk } from "./support/mount.ts";

const minute = 60_000;
const temporary = () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-watch-life-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
const requestsOf = async (store: Store, scope: string): Promise<number> =>
  (await statesOf(store.records.read, scope)).flatMap(r => Object.values(windowsOf(r.value))).reduce((n, w) => n + w.requests, 0);
const counted = async (store: Store) => (await requestsOf(store, watchScopes.windows)) + (await requestsOf(store, historyScope("1m")));

const postgres = findPostgres();
test.skipIf(postgres.reason !== undefined)(
  `two servers on one PostgreSQL count every response once, while they evaluate in turn${postgres.reason ? ` (skipped: ${postgres.reason})` : ""}`,
  async () => {
    const database = await startPostgres(postgres.program!);
    onTestFinished(() => database.stop());
    const clock = jumpingClock(Date.UTC(2026, 10, 30, 12));
    const records = database.url("watching");
    const stores = await Promise.all([1, 2].map(() => openStore({ root: temporary(), records, clock })));
    const watches = stores.map(
      store => new RunningWatch({ store, settings: watchDefaults, objectives: [], project: null, warn: text => expect.fail(text), clock }),
    );
    for (let i = 0; i < 12; i++) {
      for (const w of watches) for (let k = 0; k <= i; k++) w.observer.ended(toldResponse({ totalMs: 10 + k }));
      clock.advance(20_000);
      // at once: they take turns in the record
      await Promise.all(watches.map(w => w.tick()));
    }
    clock.advance(2 * minute);
    for (const w of watches) await w.tick();
    expect(await counted(stores[0]!)).toBe(2 * 78);
    expect(await requestsOf(stores[1]!, historyScope("1m"))).toBe(2 * 78);
    expect(await requestsOf(stores[1]!, historyScope("6h"))).toBe(2 * 78);
    for (const w of watches) await w.close();
    for (const store of stores) await store.close();
  },
  120_000,
);

/** A server that counts, flushes, and says how many it has counted before and after each flush, until it is killed. */
const program = (folder: string) => `
const at = path => import(${JSON.stringify(pathToFileURL(join(root, "dist", "src")).href)} + path);
const { openStore } = await at("/store/index.js");
const { RunningWatch } = await at("/project/watching/live/index.js");
const { watchDefaults } = await at("/watch/part.js");
const { toldResponse } = await at("/project/watching/live/fakes.js");
const store = await openStore({ root: ${JSON.stringify(folder)} });
const watch = new RunningWatch({ store, settings: watchDefaults, objectives: [], project: null, warn: () => {} });
let told = 0;
for (;;) {
  for (let i = 0; i < 50; i++) { watch.observer.ended(toldResponse()); told++; }
  console.log("told " + told);
  await watch.tick();
  console.log("flushed " + told);
}`;

test("a server that is killed loses what it has not flushed, and nothing counts twice", async () => {
  const folder = temporary();
  let [flushed, told] = [0, 0];
  for (const lines of [1, 4, 9]) {
    const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", program(folder)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let [own, ownTold, seen] = [0, 0, 0];
    let rest = "";
    await new Promise<void>(resolve => {
      child.stdout!.on("data", chunk => {
        const all = (rest + chunk).split("\n");
        rest = all.pop()!;
        for (const line of all) {
          const [word, number] = line.split(" ");
          if (word === "flushed") own = Number(number);
          else ownTold = Number(number);
          if (++seen === lines) child.kill("SIGKILL");
        }
      });
      child.once("exit", () => resolve());
    });
    expect(child.signalCode).toBe("SIGKILL");
    flushed += own;
    // what it may have told after its last line
    told += Math.max(ownTold, own) + 50;
  }
  const store = await openStore({ root: folder });
  const all = await counted(store);
  expect(all).toBeGreaterThanOrEqual(flushed);
  expect(all).toBeLessThanOrEqual(told);
  // the next server takes the dead one's lease over at once, and goes on
  const watch = new RunningWatch({ store, settings: watchDefaults, objectives: [], project: null, warn: text => expect.fail(text) });
  watch.observer.ended(toldResponse());
  await watch.tick();
  expect(await counted(store)).toBe(all + 1);
  expect(watch.figures()?.lookedMs).toBeGreaterThan(0);
  await watch.close();
  await store.close();
}, 120_000);

test.skipIf(noDisks !== undefined)(
  `a full disk costs one warning; counting goes on, and all of it is written when there is room${noDisks ? ` (skipped: ${noDisks})` : ""}`,
  async () => {
    const disk = smallDisk("8m");
    onTestFinished(() => disk.remove());
    const clock = jumpingClock(Date.UTC(2026, 10, 30, 12));
    const store = await openStore({ root: disk.folder, clock });
    const warnings: string[] = [];
    const watch = new RunningWatch({
      store,
      settings: watchDefaults,
      objectives: [],
      project: null,
      warn: text => warnings.push(text),
      clock,
    });
    watch.observer.ended(toldResponse());
    await watch.tick();
    const filler = join(disk.folder, "filler");
    let size = 8_000_000;
    while (size > 0)
      try {
        writeFileSync(filler, Buffer.alloc(size));
        break;
      } catch {
        size -= 4096;
      }
    writeFileSync(filler, Buffer.alloc(Math.max(1, size)));
    for (let i = 0; i < 200 && warnings.length === 0; i++) {
      for (let k = 0; k < 40; k++) watch.observer.ended(toldResponse({ model: `mail@${k}`, totalMs: i * k }));
      clock.advance(5_000);
      await watch.tick();
    }
    expect(warnings).toEqual([expect.stringMatching(/the artifact store cannot be used \(.*(full|space)/i)]);
    for (let i = 0; i < 5; i++) {
      watch.observer.ended(toldResponse());
      await watch.tick();
    }
    expect(warnings.length).toBe(1);
    rmSync(filler);
    const before = await counted(store);
    await watch.tick();
    expect(await counted(store)).toBeGreaterThan(before);
    await watch.close();
    await store.close();
  },
  120_000,
);

const alertmanager = installed("prometheus-alertmanager", "LOAM_ALERTMANAGER", "/usr/bin/alertmanager");
test.skipIf(alertmanager === undefined)(
  `a real Alertmanager that comes up late gets an alarm, and that it is resolved${alertmanager ? "" : " (skipped: apt-get install prometheus-alertmanager, or LOAM_ALERTMANAGER=PATH)"}`,
  async () => {
    const folder = temporary();
    const store = await openStore({ root: folder });
    onTestFinished(() => store.close());
    const port = await freePort();
    const url = new URL(`http://127.0.0.1:${port}`);
    const warnings: string[] = [];
    const teller = new AlarmTeller(store, { alertmanager: url, project: "mail", warn: text => warnings.push(text) });
    const sinceMs = Date.now() - 90_000;
    const active: Record<string, string> = {};
    const evidence = { metric: "latency-p95", ratio: 1.4 };
    await changeStates(store, states =>
      changeAlarms(states, active, [
        {
          event: "raised",
          group: "mail@3/speed",
          atMs: sinceMs,
          monitor: "latency-p95-cusum",
          kind: "chart",
          model: "mail@3",
          severity: "page",
          sinceMs,
          evidence,
        },
      ]),
    );
    await teller.tell(Date.now());
    await teller.tell(Date.now());
    expect(warnings).toEqual([expect.stringContaining(`do not reach the Alertmanager at ${url.origin}`)]);

    const config = join(folder, "alertmanager.yml");
    writeFileSync(config, "route:\n  receiver: none\nreceivers:\n  - name: none\n");
    const child = spawn(
      alertmanager!,
      [
        `--config.file=${config}`,
        `--storage.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--cluster.listen-address=",
      ],
      { stdio: "ignore" },
    );
    onTestFinished(() => stopped(child));
    const alerts = async () => {
      const response = await fetch(new URL("/api/v2/alerts", url));
      return (await response.json()) as { labels: Record<string, string>; annotations: Record<string, string>; startsAt: string }[];
    };
    await expect
      .poll(
        () =>
          fetch(new URL("/-/ready", url)).then(
            r => r.status,
            () => 0,
          ),
        { timeout: 30_000 },
      )
      .toBe(200);
    await teller.tell(Date.now());
    const [alarm] = await watchedAlarms(store);
    await expect
      .poll(alerts)
      .toMatchObject([
        { labels: { alertname: "LoamChart", monitor: "latency-p95-cusum", model: "mail@3", project: "mail", alarm: alarm!.id } },
      ]);
    const [shown] = await alerts();
    expect(Date.parse(shown!.startsAt)).toBe(sinceMs);
    expect(JSON.parse(shown!.annotations.evidence!)).toEqual(evidence);

    await changeStates(store, states =>
      changeAlarms(states, active, [{ event: "cleared", group: "mail@3/speed", atMs: Date.now() - 1000 }]),
    );
    await teller.tell(Date.now());
    // its list has only what is active
    await expect.poll(alerts, { timeout: 30_000 }).toEqual([]);
    const rows = await statesOf(store.records.read, watchScopes.alarms);
    expect(rows[0]!.value).toMatchObject({ told: { raised: true, resolved: true } });
  },
  120_000,
);
