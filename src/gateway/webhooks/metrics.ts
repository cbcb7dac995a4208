/** Webhooks and the journal in Prometheus' words, read where it is asked for. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { ReceiverState } from "./webhooks.ts";

interface WatchedReceivers {
  readonly receivers: () => readonly ReceiverState[];
  readonly journalDropped: () => number;
}

export function noticeMetrics(registry: Registry, { receivers, journalDropped }: WatchedReceivers): void {
  const registers = [registry];
  const events = (name: string, help: string, value: (r: ReceiverState) => number) =>
    new Counter({
      name: `loam_gateway_webhook_events_${name}_total`,
      help,
      labelNames: ["receiver"],
      registers,
      collect() {
        this.reset();
        for (const r of receivers()) this.inc({ receiver: r.origin }, value(r));
      },
    });
  events("delivered", "Events that a receiver of webhooks took.", r => r.delivered);
  events("lost", "Events that were given up after the last attempt, or pushed out of a full queue.", r => r.lost);
  new Gauge({
    name: "loam_gateway_webhook_events_waiting",
    help: "Events that wait for a receiver.",
    labelNames: ["receiver"],
    registers,
    collect() {
      this.reset();
      for (const r of receivers()) this.inc({ receiver: r.origin }, r.waiting);
    },
  });
  new Counter({
    name: "loam_gateway_journal_dropped_total",
    help: "Requests that are not in the journal because the state did not keep up.",
    registers,
    collect() {
      this.reset();
      this.inc(journalDropped());
    },
  });
}
