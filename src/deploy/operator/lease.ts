/**
 * Leader election by a Lease. No clock is compared with another machine's: a follower takes over when it has seen the same record for the lease's duration by its
 * own clock, and a leader counts from before it asked for its last renewal. It stops writing at two thirds of the duration, so what it sent before then has
 * arrived when another may take over. Idea: client-go's leaderelection.
 */
import { type Clock, pause } from "../../base/index.ts";
import {
  isAlreadyThere,
  isKubernetesError,
  type KubernetesClient,
  type KubernetesObject,
  kubernetesResources,
} from "../../kubernetes/index.ts";
import { deployErrors } from "../errors.ts";

interface Lease extends KubernetesObject {
  readonly spec: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number;
  };
}

interface LeaseOptions {
  readonly name: string;
  readonly namespace: string;
  /** Of this process alone, also after a restart. */
  readonly identity: string;
  readonly clock: Clock;
  /** Default 15,000. */
  readonly durationMs?: number | undefined;
  readonly failed?: ((error: Error) => void) | undefined;
}

interface LeaderLease {
  /** Runs until the signal; `lead` is called each time it is acquired, with a signal that ends when it is lost. Releases it at the end. */
  run(signal: AbortSignal, lead: (lost: AbortSignal) => Promise<void>): Promise<void>;
  /** Synchronous: errors deploy/notLeader unless it is held now. Before every write, at the moment of writing. */
  check(): void;
  readonly isHeld: boolean;
}

/** Microseconds, as Lease has it. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace("Z", "000Z");

export function openLease(client: KubernetesClient, options: LeaseOptions): LeaderLease {
  const { name, namespace, identity, clock, durationMs = 15_000, failed } = options;
  const at = { name, namespace };
  const renewMs = durationMs / 7.5;
  const validMs = (durationMs * 2) / 3;
  /** By both clocks: one stands still while a machine sleeps, the other may be set. */
  let held: { readonly monotonic: number; readonly wall: number } | undefined;
  let seen: { readonly version: string; readonly sinceMs: number } | undefined;
  const isValid = () => held !== undefined && clock.monotonic() - held.monotonic < validMs && Math.abs(clock.now() - held.wall) < validMs;
  // one attempt that is over before the lease is
  const call = { attempts: 1, timeoutMs: Math.max(500, renewMs * 2) };
  const specOf = (old: Lease | undefined): Lease["spec"] => {
    const isOwn = old?.spec.holderIdentity === identity;
    const now = microTime(clock.now());
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1000)),
      acquireTime: isOwn ? (old.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (old?.spec.leaseTransitions ?? 0) + (old && !isOwn ? 1 : 0),
    };
  };
  /** Whether another's record is as old as its duration, by this clock. */
  const isOver = ({ metadata: { resourceVersion = "" }, spec }: Lease): boolean => {
    if (!spec.holderIdentity || spec.holderIdentity === identity) return true;
    if (seen?.version !== resourceVersion) seen = { version: resourceVersion, sinceMs: clock.monotonic() };
    return clock.monotonic() - seen.sinceMs > Math.max(durationMs, (spec.leaseDurationSeconds ?? 0) * 1000);
  };
  /** True: held from before this call on. */
  const tryHold = async (signal: AbortSignal): Promise<boolean> => {
    const before = { monotonic: clock.monotonic(), wall: clock.now() };
    const old = await client.find<Lease>(kubernetesResources.leases, at, { ...call, signal });
    if (!old) await client.create(kubernetesResources.leases, { metadata: at, spec: specOf(undefined) }, { ...call, signal });
    else if (!isOver(old)) return false;
    else await client.replace<Lease>(kubernetesResources.leases, { ...old, spec: specOf(old) }, { ...call, signal });
    held = before;
    return true;
  };
  const attempt = async (signal: AbortSignal): Promise<boolean | undefined> => {
    try {
      return await tryHold(signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      // another was faster
      if (!(isKubernetesError(error, "conflict") || isAlreadyThere(error))) failed?.(error as Error);
      return undefined;
    }
  };
  const keep = async (signal: AbortSignal, lost: AbortController): Promise<void> => {
    while (!signal.aborted && !lost.signal.aborted) {
      await pause(renewMs, signal).catch(() => {});
      if (signal.aborted) return;
      const outcome = isValid() ? await attempt(signal) : false;
      if (outcome === false || !isValid()) {
        held = undefined;
        lost.abort(
          deployErrors.fail("notLeader", {
            place: `Lease ${namespace}/${name}`,
            message: "another process leads, or the lease could not be renewed",
          }),
        );
      }
    }
  };
  const release = async (): Promise<void> => {
    if (!isValid()) return;
    held = undefined;
    try {
      const old = await client.find<Lease>(kubernetesResources.leases, at, call);
      if (old?.spec.holderIdentity !== identity) return;
      const spec = { ...old.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
      await client.replace<Lease>(kubernetesResources.leases, { ...old, spec }, call);
    } catch (error) {
      failed?.(error as Error);
    }
  };
  return {
    get isHeld() {
      return isValid();
    },
    check() {
      if (!isValid())
        throw deployErrors.fail("notLeader", {
          place: `Lease ${namespace}/${name}`,
          message: "this process does not hold it now, so it writes nothing",
        });
    },
    async run(signal, lead) {
      while (!signal.aborted) {
        if ((await attempt(signal)) !== true) {
          await pause(renewMs * (0.75 + Math.random() / 2), signal).catch(() => {});
          continue;
        }
        const lost = new AbortController();
        const stop = AbortSignal.any([signal, lost.signal]);
        const work = lead(stop).finally(() => lost.abort());
        await keep(signal, lost);
        await work.catch(error => {
          if (!stop.aborted) failed?.(error as Error);
        });
        if (signal.aborted) await release();
      }
    },
  };
}
