/**
 * One process directs a loop at a time. The lease is a state of the record: an owner that is gone on this machine loses it at once, one of another machine
 * when it has given no sign for a minute. Two that hold it by mistake do no harm: events of a round are taken once, whoever tells them.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "../../base/index.ts";
import { loopErrors } from "../../loop/index.ts";
import { changeState, ownerName, ownerState, type Store, type StoreOwner, thisOwner } from "../../store/index.ts";
import { loopScope } from "./loop-record.ts";

export const leaseKey = "lease";
const key = leaseKey;
const beatMs = 5_000;
const staleMs = 60_000;

interface LeaseRow {
  readonly token: string;
  readonly owner: StoreOwner;
  readonly beatMs: number;
}

export interface LoopLease {
  /** Aborts when somebody else has taken it over. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Tokens that this process holds: one of another project object of it is as alive as that of another process. */
const heldHere = new Set<string>();

function isLive({ token, owner, beatMs: at }: LeaseRow, nowMs: number): boolean {
  const me = thisOwner();
  if (owner.space === me.space && owner.pid === me.pid && owner.started === me.started) return heldHere.has(token);
  const state = ownerState(owner);
  return state === "unknown" ? Math.abs(nowMs - at) <= staleMs : state === "alive";
}

const rowOf = (value: Json | undefined) => value as unknown as LeaseRow | undefined;

/** The owner of a model's lease, for sentences; undefined where nobody has it. */
export function leaseHolder(value: Json | undefined, nowMs: number): string | undefined {
  const row = rowOf(value);
  return row && isLive(row, nowMs) ? ownerName(row.owner) : undefined;
}

/** Takes the lease, or answers with who has it. */
export async function takeLease(store: Store, model: string): Promise<LoopLease | { readonly heldBy: string }> {
  const token = randomBytes(8).toString("hex");
  const scope = loopScope(model);
  const row = () => ({ token, owner: thisOwner(), beatMs: Date.now() }) as unknown as Json;
  const heldBy = await changeState<string | null>(store, scope, key, value => {
    const there = rowOf(value);
    if (there && isLive(there, Date.now())) return { value: undefined, answer: ownerName(there.owner) };
    return { value: row(), answer: null };
  });
  if (heldBy !== null) return { heldBy };
  heldHere.add(token);
  const lost = new AbortController();
  const keep = () =>
    changeState<boolean>(store, scope, key, value =>
      rowOf(value)?.token === token ? { value: row(), answer: true } : { value: undefined, answer: false },
    );
  const timer = setInterval(() => {
    keep()
      .then(isOurs => {
        if (!isOurs) lost.abort(loopErrors.fail("busy", { place: model, message: "another process took the loop over" }));
      })
      // a record that is away for a moment: the next beat tries again
      .catch(() => {});
  }, beatMs);
  timer.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      heldHere.delete(token);
      await changeState(store, scope, key, value => ({ value: rowOf(value)?.token === token ? null : undefined, answer: null }));
    },
  };
}
