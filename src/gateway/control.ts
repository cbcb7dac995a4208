/** Identity, policies, limits and usage opened over one state, as `contract.ts` says. Decisions read a snapshot that a reload swaps whole. */
import { canonicalJson, check, hashOf } from "../base/index.ts";
import { openJournal } from "./admin/journal.ts";
import type { Control, Explanation, Identity } from "./contract.ts";
import { type ControlConfig, controlPart } from "./control-config.ts";
import { gatewayErrors } from "./errors.ts";
import { authenticator, identityOfKey } from "./identity/authenticate.ts";
import { appendChange, changesIn, headOfChanges, lastChange, verifyChanges } from "./identity/changes.ts";
import { createKeys } from "./identity/keys.ts";
import { keepsAdministration } from "./identity/last-admin.ts";
import { accountOf, adminsOf } from "./identity/principals.ts";
import { serverSecrets } from "./identity/server-secret.ts";
import { type TokenChecker, tokenChecker } from "./identity/tokens.ts";
import { createLimiter } from "./limits/limiter.ts";
import { linesOf } from "./limits/lines.ts";
import { viewLimits } from "./limits/view.ts";
import { compilePolicies, type PolicyIndex } from "./policy/compile.ts";
import { decide, explainPolicies } from "./policy/decide.ts";
import { openState } from "./state/state.ts";
import { usageBetween } from "./usage/usage.ts";

export interface ControlOptions {
  /** `memory:`, `sqlite:PATH`, `postgres://...?schema=NAME`. */
  readonly state: string;
  /** The folder in which a relative path is. */
  readonly root: string;
  /** What `controlPart` takes, unchecked. */
  readonly config: unknown;
  /** Names the configuration in errors; "gateway" when absent. */
  readonly place?: string;
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
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
}

const defaultLeaseMs = 30_000;
const defaultKeyCacheMs = 2_000;
/** How long keys that were seen open while the state does not answer. */
const staleKeysMs = 5 * 60_000;
/** How often it is written when keys were last used. */
const flushEveryMs = 10_000;

interface Snapshot {
  readonly config: ControlConfig;
  readonly index: PolicyIndex;
  readonly tokens: TokenChecker | undefined;
}

/** Errors: state..., secret; config, unknownKey (base). */
export async function openControl(options: ControlOptions): Promise<Control> {
  const now = options.now ?? Date.now;
  const place = options.place ?? "gateway";
  const leaseMs = options.leaseMs ?? defaultLeaseMs;
  const first = check(controlPart, options.config, place);
  const state = await openState({
    url: options.state,
    root: options.root,
    leaseMs,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.now ? { now: options.now } : {}),
  });
  const { database } = state;
  const snapshotOf = (config: ControlConfig, before?: Snapshot): Snapshot => ({
    config,
    index: compilePolicies(config.policies),
    // issuers that have not changed keep the keys that were fetched
    tokens:
      before && canonicalJson(before.config.issuers) === canonicalJson(config.issuers)
        ? before.tokens
        : config.issuers.length > 0
          ? tokenChecker(config.issuers, { now, ...(options.fetch ? { fetch: options.fetch } : {}) })
          : undefined,
  });
  let snapshot = snapshotOf(first);

  /** One entry for each configuration, however many processes take it. */
  const note = async (config: ControlConfig, by: string): Promise<void> => {
    const digest = hashOf(config);
    await database.write(async sql => {
      const last = await lastChange(sql, "config");
      if (last?.digest === digest) return;
      await appendChange(sql, now(), by, "config", {
        digest,
        policies: hashOf(config.policies),
        limits: hashOf(config.limits),
        prices: hashOf(config.prices),
        principals: hashOf(config.principals),
        issuers: hashOf(config.issuers),
        admins: adminsOf(config.principals),
      });
    });
  };
  try {
    const keys = createKeys({
      database,
      secrets: serverSecrets(options.secrets, state),
      principals: () => snapshot.config.principals,
      othersMayEnter: () => snapshot.config.issuers.length > 0,
      now,
      cacheMs: options.keyCacheMs ?? defaultKeyCacheMs,
      staleMs: staleKeysMs,
    });
    await note(first, "start");
    await state.buckets.sweep();
    const limiter = createLimiter({
      buckets: state.buckets,
      rules: () => snapshot.config.limits,
      prices: () => snapshot.config.prices,
      now,
      atOnce: state.kind === "postgres" ? 2 : 1,
      gathers: state.kind === "sqlite",
      sweepEveryMs: leaseMs / 3,
      ...(options.onStore ? { onStore: options.onStore } : {}),
    });
    const journal = openJournal(state.journal, now);
    const flushes = setInterval(() => void keys.flush().catch(() => {}), flushEveryMs);
    flushes.unref();
    const explain = (identity: Identity, action: Parameters<Control["explain"]>[1]): Explanation => {
      const { config, index } = snapshot;
      const { lines } = linesOf(
        config.limits,
        config.prices,
        { identity, model: action.model, ip: null },
        { inputTokens: 0, maxOutputTokens: 0, bytes: 0 },
        now(),
      );
      return {
        ...explainPolicies(index, identity, action, now()),
        limits: lines.map(({ rule, line }) => ({
          limit: rule.name,
          bucket: line.bucket,
          capacity: rule.burst ?? rule.limit,
          mode: rule.mode,
        })),
      };
    };
    return {
      authenticate: authenticator({ keys, principals: () => snapshot.config.principals, tokens: () => snapshot.tokens, now }),
      decide: (identity, action) => decide(snapshot.index, identity, action, now()),
      explain,
      async identityOf(keyOrPrefix) {
        const key = await keys.info(keyOrPrefix);
        const identity = identityOfKey(key, snapshot.config.principals);
        if (typeof identity !== "string") return identity;
        throw gatewayErrors.fail("unknownSubject", {
          place: `key ${key.prefix}`,
          message: identity,
          hint: "Look at principals in the configuration.",
        });
      },
      access: () => snapshot.config,
      rolesOf: subject => accountOf(snapshot.config.principals, subject)?.roles ?? [],
      limits: limiter,
      limitsView: ask => viewLimits(state.buckets, snapshot.config.limits, snapshot.config.prices.currency, now(), ask),
      keys,
      journal,
      usage: (fromDay, toDay) => usageBetween(database, fromDay, toDay),
      changes: from => changesIn(database, from),
      head: () => headOfChanges(database),
      watchLimits: listener => limiter.watch(listener),
      verifyChanges: () => verifyChanges(database),
      async reload(config, by) {
        const next = check(controlPart, config, place);
        const compiled = snapshotOf(next, snapshot);
        keepsAdministration(snapshot, compiled, now());
        await note(next, by);
        snapshot = compiled;
      },
      async close() {
        clearInterval(flushes);
        await limiter.close();
        await keys.flush().catch(() => {});
        await journal.close().catch(() => {});
        await state.close();
      },
    };
  } catch (error) {
    await state.close();
    throw error;
  }
}
