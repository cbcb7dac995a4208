/** Identity, policies, limits and usage opened over one state, as `contract.ts` says. Decisions read a snapshot that a reload swaps whole. */
import { check } from "../base/index.ts";
import { openJournal } from "./admin/journal.ts";
import type { Control, Explanation, Identity } from "./contract.ts";
import { controlPart } from "./control-config.ts";
import { gatewayErrors } from "./errors.ts";
import { type Access, openAccess } from "./identity/access.ts";
import { authenticator, identityOfKey } from "./identity/authenticate.ts";
import { changesIn, headOfChanges, verifyChanges } from "./identity/changes.ts";
import { createKeys } from "./identity/keys.ts";
import { hasAdministrator } from "./identity/last-admin.ts";
import { accountOf } from "./identity/principals.ts";
import { serverSecrets } from "./identity/server-secret.ts";
import { createLimiter } from "./limits/limiter.ts";
import { linesOf } from "./limits/lines.ts";
import { viewLimits } from "./limits/view.ts";
import { objectSeal } from "./owners/seal.ts";
import { decide, explainPolicies } from "./policy/decide.ts";
import { openState } from "./state/state.ts";
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
  const leaseMs = options.leaseMs ?? defaultLeaseMs;
  const config = check(controlPart, options.config, place);
  const state = await openState({
    url: options.state,
    ...(options.limitsState === undefined ? {} : { limitsUrl: options.limitsState }),
    root: options.root,
    leaseMs,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.now ? { now: options.now } : {}),
  });
  const { database } = state;
  const cacheMs = options.keyCacheMs ?? defaultKeyCacheMs;
  let access: Access | undefined;
  try {
    const opened = await openAccess({
      database,
      config,
      place,
      file: options.file ?? "the gateway's file",
      now,
      everyMs: cacheMs,
      mayNotFit: options.entriesMayNotFit ?? false,
      onMisfit: options.onMisfit ?? (() => {}),
      ...(options.fetch ? { fetch: options.fetch } : {}),
    });
    access = opened;
    if (options.needsAdmin) hasAdministrator(opened.current.config, place);
    const secrets = serverSecrets(options.secrets, state);
    const keys = createKeys({
      database,
      secrets,
      principals: () => opened.current.config.principals,
      othersMayEnter: () => opened.current.config.issuers.length > 0,
      mayHaveSignatures: () => opened.current.config.sigv4 !== undefined,
      now,
      cacheMs,
      staleMs: staleKeysMs,
    });
    await state.buckets.sweep();
    const limiter = createLimiter({
      buckets: state.buckets,
      rules: () => opened.current.config.limits,
      prices: () => opened.current.config.prices,
      now,
      atOnce: state.bucketsIn === "postgres" || state.bucketsIn === "redis" ? 2 : 1,
      gathers: state.bucketsIn === "sqlite",
      sweepEveryMs: leaseMs / 3,
      ...(options.onStore ? { onStore: options.onStore } : {}),
    });
    const journal = openJournal(state.journal, now);
    const flushes = setInterval(() => void keys.flush().catch(() => {}), flushEveryMs);
    flushes.unref();
    const explain = (identity: Identity, action: Parameters<Control["explain"]>[1]): Explanation => {
      const { config, index } = opened.current;
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
      authenticate: authenticator({
        keys,
        principals: () => opened.current.config.principals,
        tokens: () => opened.current.tokens,
        signatures: () => opened.current.config.sigv4,
        now,
      }),
      decide: (identity, action) => decide(opened.current.index, identity, action, now()),
      explain,
      async identityOf(keyOrPrefix) {
        const key = await keys.info(keyOrPrefix);
        const identity = identityOfKey(key, opened.current.config.principals);
        if (typeof identity !== "string") return identity;
        throw gatewayErrors.fail("unknownSubject", {
          place: `key ${key.prefix}`,
          message: identity,
          hint: "Look at principals in the configuration.",
        });
      },
      access: () => opened.current.config,
      rolesOf: subject => accountOf(opened.current.config.principals, subject)?.roles ?? [],
      limits: limiter,
      objects: objectSeal(secrets),
      limitsView: ask => viewLimits(state.buckets, opened.current.config.limits, opened.current.config.prices.currency, now(), ask),
      keys,
      journal,
      usage: (fromDay, toDay) => usageBetween(database, fromDay, toDay),
      changes: from => changesIn(database, from),
      head: () => headOfChanges(database),
      watchLimits: listener => limiter.watch(listener),
      verifyChanges: () => verifyChanges(database),
      entries: opened.entries,
      reload: (config, by) => opened.reload(config, by),
      async close() {
        clearInterval(flushes);
        opened.close();
        await limiter.close();
        await keys.flush().catch(() => {});
        await journal.close().catch(() => {});
        await state.close();
      },
    };
  } catch (error) {
    access?.close();
    await state.close();
    throw error;
  }
}
