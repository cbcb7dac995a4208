/**
 * Events of what was done. They are for people, so they come after what models wait for: while there is other work an event is held back, for some seconds at
 * most, and one that could not be written is lost.
 */
import type { Clock } from "../../base/index.ts";
import { type KubernetesClient, kubernetesResources } from "../../kubernetes/index.ts";
import { writeMs } from "./carry-out.ts";
import type { LoamModelEvent } from "./decide.ts";
import { type LoamModel, loamModels } from "./spec.ts";
import { openWorkQueue } from "./work-queue.ts";

export interface EventQueue {
  add(key: string, model: LoamModel, events: readonly LoamModelEvent[]): void;
}

interface EventQueueOptions {
  readonly client: KubernetesClient;
  readonly identity: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Throws unless this process leads now; called at the moment of each write. */
  readonly guard: () => void;
  readonly isBusy: () => boolean;
  readonly failed: (error: Error) => void;
}

/** So long other work goes first. */
export const mostHeldBackMs = 5_000;
export const lookAgainMs = 500;
const workers = 4;

interface Waiting {
  readonly model: LoamModel;
  readonly event: LoamModelEvent;
  readonly atMs: number;
}

export function openEventQueue({ client, identity, clock, signal, guard, isBusy, failed }: EventQueueOptions): EventQueue {
  const waiting = new Map<string, Waiting[]>();
  const write = async ({ model, event, atMs }: Waiting): Promise<void> => {
    const { name = "", namespace = "default", uid, resourceVersion } = model.metadata;
    const { type, reason, note } = event;
    const object = {
      metadata: { generateName: `${name.slice(0, 200)}-`, namespace },
      eventTime: new Date(atMs).toISOString().replace("Z", "000Z"),
      reportingController: "loam.dev/operator",
      reportingInstance: identity.slice(0, 128),
      action: reason,
      reason,
      type,
      note: note.slice(0, 1000),
      regarding: { apiVersion: loamModels.apiVersion, kind: loamModels.kind, name, namespace, uid, resourceVersion },
    };
    await client.create(kubernetesResources.events, object, { signal, guard, timeoutMs: writeMs, attempts: 2 });
  };
  const queue = openWorkQueue({
    workers,
    signal,
    work: async key => {
      const due = waiting.get(key) ?? [];
      if (due.length > 0 && isBusy() && clock.now() - due[0]!.atMs < mostHeldBackMs) return lookAgainMs;
      waiting.delete(key);
      for (const w of due) await write(w).catch(failed);
      return null;
    },
    failed: (_, error) => failed(error as Error),
  });
  return {
    add(key, model, events) {
      const atMs = clock.now();
      waiting.set(key, [...(waiting.get(key) ?? []), ...events.map(event => ({ model, event, atMs }))]);
      queue.add(key);
    },
  };
}
