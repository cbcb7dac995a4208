/** The lease of a model's loop, beaten while it is held. Two that hold it by mistake do no harm: events of a round are taken once, whoever tells them. */
import { randomBytes } from "node:crypto";
import { canonicalJson, type Json } from "../../base/index.ts";
import { changeState, Lease, type LeaseState, readState, type Store, thisOwner } from "../../store/index.ts";
import { loopScope } from "./loop-record.ts";

export const loopLeaseKey = "lease";
const beatMs = 15_000;

interface LoopLease {
  /** Aborts when somebody else has taken it over. */
  readonly lost: AbortSignal;
  /** Never fails: a lease that could not be given back, for the record was away, is free for this process. */
  release(): Promise<void>;
}

/** Names of the leases that this process holds. */
const held = new Set<string>();
interface WaitingLease {
  readonly name: string;
  readonly lease: Lease;
}
/** By model, what found its lease taken: beats that stand still are seen by who looks more than once. */
const waiting = new WeakMap<Store, Map<string, WaitingLease>>();

const isAbandoned = (value: Json | undefined): boolean => {
  const lease = value as unknown as LeaseState | undefined; // written by `Lease` alone
  return lease !== undefined && canonicalJson({ ...lease.owner }) === canonicalJson({ ...thisOwner() }) && !held.has(lease.server);
};

/** Frees what this process held and could not give back. */
async function freeAbandoned(store: Store, model: string): Promise<void> {
  const scope = loopScope(model);
  if (!isAbandoned(await readState(store.records.read, scope, loopLeaseKey))) return;
  await changeState<void>(store, scope, loopLeaseKey, value => ({ value: isAbandoned(value) ? null : undefined, answer: undefined }));
}

/** One that waited, for whoever takes it first, or a new one. */
function nextLease(store: Store, model: string): WaitingLease {
  const models = waiting.get(store);
  const found = models?.get(model);
  models?.delete(model);
  if (found) return found;
  const name = randomBytes(8).toString("hex");
  return { name, lease: new Lease(store, { scope: loopScope(model), key: loopLeaseKey, name }) };
}

/** Takes the lease, or answers with who has it. */
export async function takeLease(store: Store, model: string): Promise<LoopLease | { readonly heldBy: string }> {
  await freeAbandoned(store, model);
  const next = nextLease(store, model);
  const { name, lease } = next;
  held.add(name);
  const isHeld = await lease.hold().catch((error: unknown) => {
    held.delete(name);
    throw error;
  });
  if (!isHeld) {
    held.delete(name);
    waiting.set(store, (waiting.get(store) ?? new Map<string, WaitingLease>()).set(model, next));
    return { heldBy: lease.heldBy ?? "another process" };
  }
  // a record that is away for a moment: the next beat tries again
  const timer = setInterval(() => void lease.hold().catch(() => {}), beatMs);
  timer.unref();
  return {
    lost: lease.lost,
    async release() {
      clearInterval(timer);
      held.delete(name);
      await lease.release().catch(() => {});
    },
  };
}
