/** Identity, policies, limits and usage opened over one state, as `contract.ts` says. Decisions read a snapshot that a reload swaps whole. */
import { check, defined } from "../base/index.ts";
import { openJournal } from "./admin/journal.ts";
import type { Action, Control, Explanation } from "./contract.ts";
import { controlPart } from "./control-config.ts";
import { countOlder, eraseOlder } from "./erasure/erase-older.ts";
import { eraseFromState } from "./erasure/erase-subject.ts";
import { gatewayErrors } from "./errors.ts";
import { Access, type Snapshot } from "./identity/access.ts";
import { authenticator, identityOfKey } from "./identity/authenticate.ts";
import { changesIn, headOfChanges, verifyChanges } from "./identity/changes.ts";
import type { Identity } from "./identity/contract.ts";
import { KeyStore } from "./identity/key-store.ts";
import { hasAdministrator } from "./identity/last-admin.ts";
import { accountOf } from "./identity/principals.ts";
import { serverSecrets } from "./identity/server-secret.ts";
import { Limiter } from "./limits/limiter.ts";
import { linesOf } from "./limits/lines.ts";
import { viewLimits } from "./limits/view.ts";
import { objectSeal } from "./owners/seal.ts";
import { decide, explainPolicies } from "./policy/decide.ts";
import { reviewCipher } from "./review/cipher.ts";
import { ReviewQueue } from "./review/queue.ts";
import { openState, type State } from "./state/state.ts";
import { topUsage } from "./usage/top-usage.ts";
import { usageBetween } from "./usage/usage.ts";

export interface ControlOptions {
  /** `memory:`, `sqlite:PATH`, `postgres://...?schema=NAME`. */
  readonly state: string;
  /** `redis://...?prefix=NAME`: where limits are counted, if not in `state`. */
  readonly limitsState?: string;
  /** The folder in which a relative path is. */
  readonly root: string;
  /** What `controlPart` takes, unchecked. */
  readonly config: unknown;
  /** Names the configuration in errors; "gateway" when absent. */
  readonly place?: string;
  /** The file in which it stands, for sentences that send somebody there; "the gateway's file" when absent. */
  readonly file?: string;
  /**
   * Secrets under which keys are hashed, at least 32 characters each, the newest first. When absent: one of its own in memory; in a file beside
   * a SQLite state (`PATH.secret`, made on first use); an error with PostgreSQL, because every process must have the same.
   */
  readonly secrets?: readonly string[];
  /** Told once when the state stops answering, and once when it answers again. */
  readonly onStore?: (state: "lost" | "back", error: unknown) => void;
  /** A process that has not shown itself for so long is taken for dead, and what it held is given back; 30 s when absent. */
  readonly leaseMs?: number;
  /** Longest wait for a decision about limits; 2 s when absent. */
  readonly timeoutMs?: number;
  /** How long a key is believed to be good, or not, before the state is asked again: how late a revocation comes to other processes; 2 s when absent. */
  readonly keyCacheMs?: number;
  /** Refuses to open where nobody could administer: neither the file nor the state has an admin, and no issuer's token could bring one. */
  readonly needsAdmin?: boolean;
  /** Opens although entries of the state do not fit the file, so that they can be taken away; they are told of and left out. */
  readonly entriesMayNotFit?: boolean;
  /** Told once when entries that another process has changed do not fit this one's file (what held before goes on), and once when they do again. */
  readonly onMisfit?: (error: unknown) => void;
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
}

const defaultLeaseMs = 30_000;
const defaultKeyCacheMs = 2_000;
/** How long keys that were seen open while the state does not answer. */
const staleKeysMs = 5 * 60_000;
/** How often it is written when keys were last used. */
const flushEveryMs = 10_000;

/** Errors: state..., secret; config, unknownKey (base). */
export async function openControl(options: ControlOptions): Promise<Control> {
  const now = options.now ?? Date.now;
  const place = options.place ?? "gateway";
  const config = check(controlPart, options.config, place);
  const state = await openState({
    url: options.state,
    ...defined({ limitsUrl: options.limitsState }),
    root: options.root,
    leaseMs: options.leaseMs ?? defaultLeaseMs,
    ...defined({ timeoutMs: options.timeoutMs, now: options.now }),
  });
  let access: Access | undefined;
  try {
    access = await Access.open({
      database: state.database,
      config,
      place,
      file: options.file ?? "the gateway's file",
      now,
      everyMs: options.keyCacheMs ?? defaultKeyCacheMs,
      mayNotFit: options.entriesMayNotFit ?? false,
      onMisfit: options.onMisfit ?? (() => {}),
      ...defined({ fetch: options.fetch }),
    });
    if (options.needsAdmin) hasAdministrator(access.current.config, place);
    const secrets = serverSecrets(options.secrets, state);
    const keys = keysIn(state, access, secrets, options);
    await state.buckets.sweep();
    const reviews = new ReviewQueue({ database: state.database, cipher: reviewCipher(secrets), now });
    return controlOver({ state, access, keys, limiter: limiterIn(state, access, options), objects: objectSeal(secrets), reviews, now });
  } catch (error) {
    access?.close();
    await state.close();
    throw error;
  }
}

function keysIn({ database }: State, access: Access, secrets: readonly string[], { now = Date.now, keyCacheMs }: ControlOptions): KeyStore {
  return new KeyStore({
    database,
    secrets,
    principals: () => access.current.config.principals,
    othersMayEnter: () => access.current.config.issuers.length > 0,
    mayHaveSignatures: () => access.current.config.sigv4 !== undefined,
    now,
    cacheMs: keyCacheMs ?? defaultKeyCacheMs,
    staleMs: staleKeysMs,
  });
}

function limiterIn({ buckets, bucketsIn }: State, access: Access, options: ControlOptions): Limiter {
  return new Limiter({
    buckets,
    rules: () => access.current.config.limits,
    prices: () => access.current.config.prices,
    now: options.now ?? Date.now,
    atOnce: bucketsIn === "postgres" || bucketsIn === "redis" ? 2 : 1,
    gathers: bucketsIn === "sqlite",
    sweepEveryMs: (options.leaseMs ?? defaultLeaseMs) / 3,
    ...defined({ onStore: options.onStore }),
  });
}

/** What the policies say to an action, and which limits it would be held against. */
function explained({ config, index }: Snapshot, identity: Identity, action: Action, nowMs: number): Explanation {
  const subjects = { identity, model: action.model, ip: null };
  const { lines } = linesOf(config.limits, config.prices, subjects, { inputTokens: 0, maxOutputTokens: 0, bytes: 0 }, nowMs);
  return {
    ...explainPolicies(index, identity, action, nowMs),
    limits: lines.map(({ rule, line }) => ({
      limit: rule.name,
      bucket: line.bucket,
      capacity: rule.burst ?? rule.limit,
      mode: rule.mode,
    })),
  };
}

interface Opened {
  readonly state: State;
  readonly access: Access;
  readonly keys: KeyStore;
  readonly limiter: Limiter;
  readonly objects: Control["objects"];
  readonly reviews: ReviewQueue;
  readonly now: () => number;
}

/** Every port of the contract, filled. */
function controlOver({ state, access, keys, limiter, objects, reviews, now }: Opened): Control {
  const { database } = state;
  const journal = openJournal(state.journal, now);
  const flushes = setInterval(() => void keys.flush().catch(() => {}), flushEveryMs);
  flushes.unref();
  const current = () => access.current.config;
  return {
    authenticate: authenticator({
      keys,
      principals: () => current().principals,
      tokens: () => access.current.tokens,
      signatures: () => current().sigv4,
      now,
    }),
    decide: (identity, action) => decide(access.current.index, identity, action, now()),
    explain: (identity, action) => explained(access.current, identity, action, now()),
    async identityOf(keyOrPrefix) {
      const key = await keys.info(keyOrPrefix);
      const identity = identityOfKey(key, current().principals);
      if (typeof identity !== "string") return identity;
      throw gatewayErrors.fail("unknownSubject", {
        place: `key ${key.prefix}`,
        message: identity,
        hint: "Look at principals in the configuration.",
      });
    },
    access: current,
    rolesOf: subject => accountOf(current().principals, subject)?.roles ?? [],
    limits: limiter,
    objects,
    limitsView: ask => viewLimits(state.buckets, current().limits, current().prices.currency, now(), ask),
    keys,
    reviews,
    eraseSubject: subject => eraseFromState(database, subject, now()),
    countOlder: (state, older) => countOlder(database, state, older),
    eraseOlder: (state, older) => eraseOlder(database, state, older),
    journal,
    usage: (fromDay, toDay) => usageBetween(database, fromDay, toDay),
    topUsage: (day, most) => topUsage(database, day, most),
    changes: from => changesIn(database, from),
    head: () => headOfChanges(database),
    watchLimits: listener => limiter.watch(listener),
    verifyChanges: () => verifyChanges(database),
    entries: access,
    reload: (config, by) => access.reload(config, by),
    async close() {
      clearInterval(flushes);
      access.close();
      await limiter.close();
      await keys.flush().catch(() => {});
      await journal.close().catch(() => {});
      await state.close();
    },
  };
}
