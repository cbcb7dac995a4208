/** A gateway that stands alone in a project's folder: what it answers is counted in the record, judged, and told by its webhooks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { GatewayAlarm } from "../../gateway/index.ts";
import { openStore } from "../../store/index.ts";
import { openGatewayWatching } from "./gateway-watching.ts";
import { toldRequest } from "./live/fakes.ts";
import { flushWindows } from "./live/flush-windows.ts";
import { gatewayFacts, gatewayKeyOf } from "./live/response-facts.ts";
import { WindowMemory } from "./live/window-memory.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-watching-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const objectives = [{ name: "answers", objective: 0.99 }];

test("a gateway that stands alone raises an alarm where its upstream fails, by its own webhooks, and keeps what it counted", async () => {
  writeFileSync(
    join(folder, "loam.yaml"),
    JSON.stringify({ name: "door", data: {}, tokenizer: { vocab: 300, from: "mails" }, models: {}, slo: { answers: { objective: 0.99 } } }),
  );
  // an hour in which every second request failed, as an earlier process of the gateway has left it
  const store = await openStore({ root: folder });
  const memory = new WindowMemory();
  const now = Date.now();
  for (let minute = 2; minute < 62; minute++)
    for (let i = 0; i < 40; i++) {
      const record = toldRequest({ status: i % 2 ? 502 : 200 });
      memory.count(now - minute * 60_000, gatewayKeyOf(record), gatewayFacts(record, objectives));
    }
  await flushWindows(store, { id: "before", startedMs: now }, memory.take()!, now);
  await store.close();

  const warnings: string[] = [];
  const watching = (await openGatewayWatching(folder, text => warnings.push(text)))!;
  expect(warnings).toEqual([]);
  watching.request(toldRequest({ status: 502 }));
  const alarm = new Promise<GatewayAlarm>(resolve => watching.start({ alarm: resolve }));
  await watching.watch!.tick();
  expect(await alarm).toMatchObject({ type: "alarm.raised", data: { kind: "slo", severity: "page" } });
  expect(watching.watch!.figures()!.alarms).toMatchObject([{ kind: "slo" }]);
  expect(watching.watch!.figures()!.objectives[0]!.budgetLeft).toBeLessThan(0);
  await watching.close();
  expect(warnings).toEqual([]);

  const { readWatchHistory } = await import("./live/index.ts");
  const after = await openStore({ root: folder });
  const { points } = await readWatchHistory(after, "requests", { model: "gateway:chat" });
  expect(points.reduce((n, [, value]) => n + (value ?? 0), 0)).toBeGreaterThanOrEqual(60 * 40);
  await after.close();
});

test("a folder that is no project's, and one with `watch: false`, are not monitored", async () => {
  const none = mkdtempSync(join(tmpdir(), "loam-no-project-"));
  expect(await openGatewayWatching(none, () => {})).toBeUndefined();
  writeFileSync(
    join(none, "loam.yaml"),
    JSON.stringify({ name: "off", data: {}, tokenizer: { vocab: 300, from: "mails" }, models: {}, watch: false }),
  );
  expect(await openGatewayWatching(none, () => {})).toBeUndefined();
  rmSync(none, { recursive: true, force: true });
});
