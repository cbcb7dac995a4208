/** What the change feed compares: of each topic a text that differs as soon as its resources may differ. Cheap: it is read every second while a page is open. */
import type { Clock } from "../../base/index.ts";
import type { ConsoleSource } from "../console-source.ts";
import type { Engines } from "../engines.ts";
import type { Fleet } from "../lifecycle/fleet.ts";
import type { ReadTopics } from "./console-changes.ts";
import type { FineTuning } from "./fine-tuning/port.ts";

interface ConsoleTopicsOptions {
  readonly engines: Engines;
  readonly fleet: Fleet | undefined;
  readonly source: ConsoleSource;
  readonly jobs: FineTuning | undefined;
  readonly clock: Clock;
}

/** Charts of an idle engine move this often, those of a busy one with every reading. */
const idleSeconds = 10;

/** A topic that cannot be read has changed once: its pages find out why. */
async function readable<T>(read: () => T | Promise<T>, failed: T): Promise<T> {
  try {
    return await read();
  } catch {
    return failed;
  }
}

export function consoleTopics({ engines, fleet, source, jobs, clock }: ConsoleTopicsOptions): ReadTopics {
  const seconds = (step: number) => Math.floor(clock.now() / 1000 / step);
  const engineText = () => {
    const both = [...engines.all(), ...engines.encoders()].map(e => ({ id: e.model.id, ...e.stats() }));
    const isBusy = both.some(e => e.running + e.queued > 0);
    return JSON.stringify([
      both.map(e => [e.id, e.running, e.queued, "requests" in e ? e.requests : 0]),
      seconds(isBusy ? 1 : idleSeconds),
    ]);
  };
  const servingText = () =>
    JSON.stringify([
      fleet?.list() ?? [...engines.all(), ...engines.encoders()].map(e => [e.model.id, e.state]),
      engines.adapters.list().map(a => [a.name, a.parent]),
      jobsText(),
    ]);
  const jobsText = () => {
    const all = jobs?.list() ?? [];
    // progress is in events, which are files
    const isGoing = all.some(j => j.status === "running" || j.status === "validating_files");
    return JSON.stringify([all.map(j => [j.id, j.status]), isGoing ? seconds(1) : 0]);
  };
  return async () => {
    const record = await readable(async () => source.revisions(), { artifacts: "failed", runs: "failed" });
    return {
      ...record,
      labels: await readable(async () => (await source.labels?.revision()) ?? "", "failed"),
      jobs: await readable(jobsText, "failed"),
      serving: await readable(servingText, "failed"),
      engine: await readable(engineText, "failed"),
      watch: await readable(async () => (await source.watch?.revision()) ?? "", "failed"),
    };
  };
}
