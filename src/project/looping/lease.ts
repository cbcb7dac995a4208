/** The lease of a model's loop, beaten while it is held. Two that hold it by mistake do no harm: events of a round are taken once, whoever tells them. */
import { randomBytes } from "node:crypto";
import { Lease, type Store } from "../../store/index.ts";
import { loopScope } from "./loop-record.ts";

export const loopLeaseKey = "lease";
const beatMs = 15_000;

interface LoopLease {
  /** Aborts when somebody else has taken it over. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Takes the lease, or answers with who has it. */
export async function takeLease(store: Store, model: string): Promise<LoopLease | { readonly heldBy: string }> {
  const lease = new Lease(store, { scope: loopScope(model), key: loopLeaseKey, name: randomBytes(8).toString("hex") });
  if (!(await lease.hold())) return { heldBy: lease.heldBy ?? "another process" };
  // a record that is away for a moment: the next beat tries again
  const timer = setInterval(() => void lease.hold().catch(() => {}), beatMs);
  timer.unref();
  return {
    lost: lease.lost,
    async release() {
      clearInterval(timer);
      await lease.release();
    },
  };
}
