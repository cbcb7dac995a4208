/** `project.gateway`, or `administerGateway`: keys, principals, policies, limits, held requests, the cache and the journal of a gateway. */
import type {
  CacheState,
  ExplainAsked,
  Explained,
  ExportTarget,
  HeldInfo,
  JournalEntry,
  JournalFilter,
  KeyGiven,
  KeyInfo,
  LimitsAsk,
  LimitsView,
  Match,
  PrincipalKind,
  ReviewAgreement,
  ReviewCase,
  ShownEntry,
  TakenCase,
  UsageRow,
} from "../../gateway/index.ts";
import { thisUser } from "../person.ts";
import type { CreatedKey, GatewayAdministration } from "./administration.ts";
import type { CachedAnswers } from "./cached-answers.ts";
import type { ChangeList, ChangesOptions } from "./change-list.ts";
import type { EntryAdministration } from "./entries.ts";
import type { GatewayPlace } from "./gateway-place.ts";
import type { DecidedRequest } from "./held-requests.ts";
import type { OwnedCase, ReviewAction } from "./review-cases.ts";
import type { ReloadedGateway } from "./running-gateway.ts";
import type { GatewayListener, ServeGatewayOptions, ServingGateway } from "./serve-gateway.ts";
import type { TrafficSplit } from "./split-traffic.ts";
import type { ExportedGateway, ExportGatewayOptions } from "./transfer.ts";

/** The call in errors. */
const verb = "loam gateway";

export interface ChangedBy {
  /** Who does it, for the list of changes; default: the user of this machine. */
  readonly by?: string | undefined;
}

const administered = async <T>(at: GatewayPlace, use: (a: GatewayAdministration) => Promise<T>): Promise<T> =>
  (await import("./administration.ts")).administered(at, verb, use);
const withEntries = async <T>(at: GatewayPlace, use: (e: EntryAdministration) => Promise<T>): Promise<T> =>
  (await import("./entries.ts")).withEntries(at, verb, use);
const held = () => import("./held-requests.ts");
const reviews = () => import("./review-cases.ts");
const cached = () => import("./cached-answers.ts");

/** API keys. The secret is shown once, when the key is created. */
export class GatewayKeys {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  /** All, or those of a user or service account. */
  list(subject?: string): Promise<readonly KeyInfo[]> {
    return administered(this.#at, a => a.listKeys(subject));
  }

  /** Errors: gateway/unknownSubject. */
  create(key: KeyGiven, { by = thisUser() }: ChangedBy = {}): Promise<CreatedKey> {
    return administered(this.#at, a => a.createKey(key, by));
  }

  /** `key`: its id, or its visible beginning. Errors: gateway/unknownKey, gateway/lastAdmin. */
  revoke(key: string, { by = thisUser() }: ChangedBy = {}): Promise<KeyInfo> {
    return administered(this.#at, a => a.revokeKey(key, by));
  }

  /** A new secret; the old one goes on for `overlapMs`, default 24 hours. Errors: gateway/unknownKey, gateway/keyRevoked. */
  rotate(key: string, { by = thisUser(), overlapMs }: ChangedBy & { readonly overlapMs?: number | undefined } = {}): Promise<CreatedKey> {
    return administered(this.#at, a => a.rotateKey(key, by, overlapMs));
  }
}

export interface PutOptions extends ChangedBy {
  /** The revision that was shown, or "any"; default: the entry's own, or a new entry. */
  readonly match?: Match;
}

export interface PutResult {
  readonly entry: ShownEntry;
  readonly isNew: boolean;
}

/** Organisations, teams, users and service accounts: those of the file are only shown. */
export class GatewayPrincipals {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  /** Of a kind, or all. */
  list(kind?: PrincipalKind): Promise<readonly ShownEntry[]> {
    return withEntries(this.#at, e => e.list(kind));
  }

  /** Errors: gateway/unknownEntry. */
  show(kind: PrincipalKind, name: string): Promise<ShownEntry> {
    return withEntries(this.#at, e => e.show(kind, name));
  }

  /** Errors: gateway/entryTaken, gateway/entryChanged, gateway/entryRevision; base/config. */
  put(
    kind: PrincipalKind,
    name: string,
    body: Readonly<Record<string, unknown>>,
    { match, by = thisUser() }: PutOptions = {},
  ): Promise<PutResult> {
    return withEntries(this.#at, e => e.put({ kind, name, body, match }, by));
  }

  /** Errors: gateway/unknownEntry, gateway/entryInUse, gateway/lastAdmin, gateway/entryChanged. */
  delete(kind: PrincipalKind, name: string, { match, by = thisUser() }: PutOptions = {}): Promise<ShownEntry> {
    return withEntries(this.#at, e => e.delete(kind, name, match, by));
  }
}

/** Who may do what: policies of the file are only shown. */
export class GatewayPolicies {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  list(): Promise<readonly ShownEntry[]> {
    return withEntries(this.#at, e => e.list("policies"));
  }

  /** Errors: gateway/unknownEntry. */
  show(id: string): Promise<ShownEntry> {
    return withEntries(this.#at, e => e.show("policies", id));
  }

  /** Errors: gateway/entryTaken, gateway/entryChanged, gateway/entryRevision; base/config. */
  put(id: string, body: Readonly<Record<string, unknown>>, { match, by = thisUser() }: PutOptions = {}): Promise<PutResult> {
    return withEntries(this.#at, e => e.put({ kind: "policies", name: id, body, match }, by));
  }

  /** Errors: gateway/unknownEntry, gateway/entryChanged. */
  delete(id: string, { match, by = thisUser() }: PutOptions = {}): Promise<ShownEntry> {
    return withEntries(this.#at, e => e.delete("policies", id, match, by));
  }
}

/** Limits and budgets as they are written: those of the file are only shown. What is used of them: `limits`. */
export class GatewayLimitRules {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  list(): Promise<readonly ShownEntry[]> {
    return withEntries(this.#at, e => e.list("limits"));
  }

  /** Errors: gateway/unknownEntry. */
  show(name: string): Promise<ShownEntry> {
    return withEntries(this.#at, e => e.show("limits", name));
  }

  /** What is used of a limit that is replaced goes on being used. Errors: gateway/entryTaken, gateway/entryChanged, gateway/entryRevision; base/config. */
  put(name: string, body: Readonly<Record<string, unknown>>, { match, by = thisUser() }: PutOptions = {}): Promise<PutResult> {
    return withEntries(this.#at, e => e.put({ kind: "limits", name, body, match }, by));
  }

  /** Errors: gateway/unknownEntry, gateway/entryChanged. */
  delete(name: string, { match, by = thisUser() }: PutOptions = {}): Promise<ShownEntry> {
    return withEntries(this.#at, e => e.delete("limits", name, match, by));
  }
}

/** Requests that wait for a person at a gateway that runs. */
export class GatewayHeld {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  async list(): Promise<readonly HeldInfo[]> {
    return (await held()).heldRequests(this.#at);
  }

  /** Errors: project/answer where none of this id waits. */
  async approve(id: string): Promise<DecidedRequest> {
    return (await held()).decideHeld(this.#at, id, "approve");
  }

  /** Errors: project/answer where none of this id waits. */
  async refuse(id: string): Promise<DecidedRequest> {
    return (await held()).decideHeld(this.#at, id, "refuse");
  }
}

/** Review cases of a gateway that runs. Errors: project/answer with the gateway's own sentence (unknown, decided, another's). */
export class GatewayReviews {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  async list(state: ReviewCase["state"] = "waiting"): Promise<readonly OwnedCase[]> {
    return (await reviews()).reviewCases(this.#at, state);
  }

  /** The first case that needs a vote of the caller, or one by its id; null where there is none. */
  async take(id?: string): Promise<OwnedCase<TakenCase> | null> {
    return (await reviews()).takeReview(this.#at, id);
  }

  /** `category`: label of a refused case. */
  async decide(id: string, action: ReviewAction, category?: string): Promise<ReviewCase> {
    return (await reviews()).decideReview(this.#at, id, action, category);
  }

  async appeal(token: string, reason = ""): Promise<Pick<ReviewCase, "id" | "state" | "decision">> {
    return (await reviews()).appealReview(this.#at, token, reason);
  }

  async agreement(): Promise<ReviewAgreement> {
    return (await reviews()).reviewerAgreement(this.#at);
  }

  /** Decided cases as JSON Lines that a data source reads. */
  async export(file: string): Promise<{ readonly file: string; readonly documents: number }> {
    return (await reviews()).exportReviews(this.#at, file);
  }
}

/** Answers that a gateway that runs gives again. */
export class GatewayCache {
  readonly #at: GatewayPlace;

  constructor(at: GatewayPlace) {
    this.#at = at;
  }

  async show(): Promise<CacheState> {
    return (await cached()).cacheState(this.#at);
  }

  /** Gives the number of answers that are gone. */
  async clear(which: CachedAnswers = {}): Promise<number> {
    return (await cached()).clearCache(this.#at, which);
  }
}

/**
 * Looks at and changes the state that the gateway's file names, or with `url` asks a gateway that runs. Errors of every call: those of the file and the
 * state; with `url` project/argument without a key, gateway/unavailable where nobody answers, project/answer with the gateway's own sentence.
 */
export class GatewayCalls {
  readonly #at: GatewayPlace;
  readonly keys: GatewayKeys;
  readonly principals: GatewayPrincipals;
  readonly policies: GatewayPolicies;
  readonly limitRules: GatewayLimitRules;
  readonly held: GatewayHeld;
  readonly reviews: GatewayReviews;
  readonly cache: GatewayCache;

  constructor(at: GatewayPlace) {
    this.#at = at;
    this.keys = new GatewayKeys(at);
    this.principals = new GatewayPrincipals(at);
    this.policies = new GatewayPolicies(at);
    this.limitRules = new GatewayLimitRules(at);
    this.held = new GatewayHeld(at);
    this.reviews = new GatewayReviews(at);
    this.cache = new GatewayCache(at);
  }

  /** Requests, tokens and money by day, key and model; days such as 2026-11-26, UTC. */
  usage(from: string, to: string = from): Promise<readonly UsageRow[]> {
    return administered(this.#at, a => a.usage(from, to));
  }

  /** What is used, held for requests under way and left of each limit, the most used first. */
  limits(ask: LimitsAsk): Promise<LimitsView> {
    return administered(this.#at, a => a.limits(ask));
  }

  /** Requests of the last days, the newest first. */
  requests(filter: JournalFilter = {}): Promise<readonly JournalEntry[]> {
    return administered(this.#at, a => a.requests(filter));
  }

  /** All that is known of a request. Errors: project/nothing. */
  async request(id: string): Promise<readonly JournalEntry[]> {
    return (await import("./administration.ts")).findRequest(this.#at, verb, id);
  }

  /** Which policy decides about a request of a key, which limits it would meet, which rule says where it goes. */
  explain(request: ExplainAsked): Promise<Explained> {
    return administered(this.#at, a => a.explain(request));
  }

  /** Who changed keys and configuration, when; each entry vouches for all before it. */
  async changes(options: ChangesOptions = {}): Promise<ChangeList> {
    return (await import("./change-list.ts")).projectChangeList(this.#at, options);
  }

  /** How a model's requests are divided among its targets; with weights (`local=9`) changes that in the gateway's file. Errors: project/argument. */
  async split(model: string, weights: readonly string[] = []): Promise<TrafficSplit> {
    return (await import("./split-traffic.ts")).splitTraffic(this.#at, model, weights);
  }

  /** A gateway that runs takes up its changed file now. Errors: project/answer with what is wrong with the file. */
  async reload(): Promise<ReloadedGateway> {
    return (await import("./running-gateway.ts")).reloadGateway(this.#at);
  }

  /** Its policies as the configuration of another gateway, with every difference. Errors: project/exists. */
  async export(target: ExportTarget, options: ExportGatewayOptions): Promise<ExportedGateway> {
    return (await import("./transfer.ts")).writeGatewayExport(this.#at, target, options);
  }
}

/** The gateway of a folder (its gateway.yaml, or the part `gateway` of its project), of another file, or one that runs at an address. */
export const administerGateway = (at: GatewayPlace): GatewayCalls => new GatewayCalls(at);

/** Starts a gateway in this process. Errors: those of the file and the state, and of the socket where the address is taken. */
export async function startGateway(
  at: GatewayPlace,
  options: ServeGatewayOptions = {},
  listener: GatewayListener = {},
): Promise<ServingGateway> {
  const [{ gatewayOf }, { serveGateway }] = await Promise.all([import("./gateway-place.ts"), import("./serve-gateway.ts")]);
  return serveGateway(await gatewayOf(at), options, listener);
}
