/** A made-up gateway: a month of usage, limits that are partly used, keys that can be made and revoked, two servers of which one is in trouble. */
import type { IncomingMessage, ServerResponse } from "node:http";

type Send = (response: ServerResponse, body: unknown, status?: number) => void;

const dayMs = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

interface FakeKey {
  readonly id: string;
  readonly prefix: string;
  readonly name: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly createdMs: number;
  readonly expiresMs: number | null;
  revokedMs: number | null;
  readonly lastUsedMs: number | null;
  state: string;
}

const keyOf = (i: number, name: string, subject: string, nowMs: number): FakeKey => ({
  id: `key_${`${i}`.repeat(8)}`,
  prefix: `sk-loam-made0up00${i}`,
  name,
  subject,
  scopes: [],
  createdMs: nowMs - 40 * dayMs,
  expiresMs: i === 2 ? nowMs + 20 * dayMs : null,
  revokedMs: null,
  lastUsedMs: nowMs - i * 60_000,
  state: "live",
});

function usageOf(keys: readonly FakeKey[], nowMs: number) {
  return Array.from({ length: 26 }, (_, age) => age).flatMap(age =>
    keys.slice(0, 3).flatMap((key, i) => {
      // a working week, and a mail bot that never rests
      const weekday = new Date(nowMs - age * dayMs).getUTCDay();
      const requests = i === 2 ? 90 + ((age * 7) % 40) : weekday % 6 === 0 ? 0 : 40 + ((age * 13 + i * 29) % 120);
      if (requests === 0) return [];
      return {
        day: dayOf(nowMs - age * dayMs),
        keyId: key.id,
        subject: key.subject,
        team: i === 2 ? "" : "research",
        organisation: "acme",
        model: i === 1 ? "gpt-4o" : "mail-small",
        requests,
        errors: age % 9 === 0 ? 3 : 0,
        inputTokens: requests * 140,
        cachedTokens: requests * 30,
        outputTokens: requests * 60,
        costNano: i === 1 ? requests * 1_900_000 : 0,
      };
    }),
  );
}

export function fakeGateway(startedMs: number) {
  const keys = [
    keyOf(1, "ann-laptop", "ann", startedMs),
    keyOf(2, "ben-notebook", "ben", startedMs),
    keyOf(3, "mail-bot", "mailer", startedMs),
  ];
  const usage = usageOf(keys, startedMs);
  const bucket = (i: number, capacity: number, share: number, resetMs: number) => ({
    of: { key: keys[i]!.id },
    used: Math.round(capacity * share),
    held: 0,
    remaining: Math.round(capacity * (1 - share)),
    share,
    resetMs,
  });
  const limit = (name: string, measure: string, quota: number, capacity: number, buckets: object[], more: object = {}) => ({
    limit: name,
    measure,
    per: ["key"],
    mode: "enforce",
    quota,
    capacity,
    windowMs: 60_000,
    period: null,
    warnAt: null,
    onStoreLoss: "closed",
    numBuckets: buckets.length,
    buckets,
    ...more,
  });
  const limits = {
    object: "list",
    currency: "EUR",
    isWhole: true,
    data: [
      limit("requests", "requests", 60, 20, [bucket(2, 20, 0.95, 19_000), bucket(0, 20, 0.4, 8_000), bucket(1, 20, 0.05, 1_000)]),
      limit("tokens", "tokens", 100_000, 100_000, [bucket(2, 100_000, 0.31, 18_600), bucket(0, 100_000, 0.12, 7_200)]),
      limit("budget", "cost", 50e9, 50e9, [{ ...bucket(1, 50e9, 0.62, 5 * dayMs), of: { team: "research" } }], {
        per: ["team"],
        windowMs: null,
        period: "2026-11",
        warnAt: 0.8,
      }),
      limit("soon", "requests", 600, 600, [], { per: ["ip"], windowMs: 3_600_000, mode: "shadow" }),
    ],
  };
  const served = (model: string, more: object = {}) => ({
    model,
    breaker: "closed",
    isAvailable: true,
    refusesCredentials: false,
    latencyMs: 41.5,
    answers: 951,
    failures: 1,
    ...more,
  });
  const server = (id: string, more: object = {}) => ({
    id,
    outstanding: 1,
    latencyMs: 41.5,
    breaker: "closed",
    isHealthy: true,
    isAvailable: true,
    answers: 4_120,
    failures: 2,
    lane: { running: 1, concurrency: 512, waiting: 0 },
    models: [served("mail-small")],
    ...more,
  });
  const state = {
    inFlight: 2,
    isDraining: false,
    upstreams: [
      server("loam"),
      server("cloud", {
        outstanding: 0,
        latencyMs: 380,
        answers: 1_902,
        failures: 14,
        models: [
          served("gpt-4o-mini", { latencyMs: 380 }),
          served("gpt-4o", { breaker: "open", isAvailable: false, latencyMs: 395, failures: 13 }),
        ],
      }),
    ],
    models: [
      {
        name: "mail-small",
        aliases: ["gpt-4o-mini"],
        strategy: "weighted",
        targets: [
          { id: "loam/mail-small", upstream: "loam", model: "mail-small", weight: 1, priority: 0 },
          { id: "cloud/gpt-4o-mini", upstream: "cloud", model: "gpt-4o-mini", weight: 1, priority: 1 },
        ],
      },
      {
        name: "gpt-4o",
        aliases: [],
        strategy: "weighted",
        targets: [{ id: "cloud/gpt-4o", upstream: "cloud", model: "gpt-4o", weight: 1, priority: 0 }],
      },
    ],
    cache: null,
    webhooks: [],
    journalDropped: 0,
  };
  const tried = (target: string, how: string) => ({ target, ms: 40, how });
  const request = (i: number, more: object = {}) => ({
    id: `req_made${i}`,
    time: new Date(startedMs - i * 70_000).toISOString(),
    method: "POST",
    path: "/v1/chat/completions",
    key: keys[i % 3]!.id,
    subject: keys[i % 3]!.subject,
    model: "mail-small",
    target: "loam/mail-small",
    attempts: [tried("loam/mail-small", "answered")],
    status: 200,
    error: null,
    detail: null,
    ms: 620 + 31 * i,
    firstMs: 38 + i,
    isStream: i % 2 === 0,
    resumed: 0,
    inputTokens: 140 + i,
    outputTokens: 60,
    cachedTokens: 0,
    warnings: [],
    ...more,
  });
  const unanswered = { target: null, attempts: [], firstMs: null, inputTokens: 0, outputTokens: 0, ms: 0.6 };
  const requests = [
    request(0),
    request(1, { target: "cloud/gpt-4o", model: "gpt-4o" }),
    request(2, { ...unanswered, status: 429, error: "limits/rate_limit_exceeded" }),
    request(3, { attempts: [tried("cloud/gpt-4o-mini", "status"), tried("loam/mail-small", "answered")], target: "loam/mail-small" }),
    request(4, {
      status: 502,
      error: "gateway/upstream",
      model: "gpt-4o",
      target: "cloud/gpt-4o",
      attempts: [1, 2, 3].map(() => tried("cloud/gpt-4o", "status")),
    }),
    request(5),
    request(6, { ...unanswered, status: 403, error: "gateway/forbidden", model: "gpt-4o" }),
  ];
  const principals = [
    { kind: "organisations", name: "acme", disabled: false, origin: "file", revision: null },
    { kind: "teams", name: "research", roles: ["writer"], disabled: false, organisation: "acme", origin: "file", revision: null },
    { kind: "users", name: "ann", roles: ["admin"], teams: ["research"], disabled: false, origin: "file", revision: null },
    { kind: "users", name: "zoe", roles: [], teams: ["research"], disabled: true, origin: "store", revision: 7 },
    { kind: "serviceAccounts", name: "mailer", roles: ["writer"], teams: [], disabled: false, origin: "store", revision: 5 },
  ];
  const file = { origin: "file", revision: null };
  const policies = [
    { id: "admins", effect: "allow", who: { roles: ["admin"] }, ...file },
    {
      id: "writers",
      effect: "allow",
      who: { roles: ["writer"] },
      endpoints: ["chat", "embeddings"],
      parameters: { max_tokens: { max: 1024 } },
      ...file,
    },
    {
      id: "night",
      effect: "deny",
      who: {},
      models: ["gpt-*"],
      when: { from: "22:00", to: "06:00", timezone: "Europe/Berlin" },
      reason: "no paid models at night",
      origin: "store",
      revision: 9,
    },
  ];
  const explained = (url: URL) => {
    const tooMany = (url.searchParams.getAll("set").find(s => s.startsWith("max_tokens=")) ?? "=0").split("=")[1]!;
    const fits = Number(tooMany) <= 1024;
    return {
      identity: { kind: "key", keyId: "key_1", subject: "ann" },
      action: { endpoint: "chat", model: url.searchParams.get("model") },
      decision: fits
        ? { allowed: true, policy: "writers", reason: 'policy "writers"' }
        : { allowed: false, policy: null, reason: `no policy allows chat with model "${url.searchParams.get("model")}"` },
      considered: [
        {
          policy: "writers",
          effect: "allow",
          applies: fits,
          why: fits ? "it applies" : `wants max_tokens to be at most 1024, got ${tooMany}`,
        },
      ],
      limits: [{ limit: "requests", bucket: "requests", capacity: 20, mode: "enforce" }],
      route: {
        model: "mail-small",
        strategy: "weighted",
        rule: "long",
        rules: [{ rule: "long", applies: true }],
        targets: [{ target: "loam/mail-small", weight: 1, priority: 0, state: "available" }],
        fallbacks: [],
      },
    };
  };
  return {
    pages: (send: Send): Record<string, (url: URL, response: ServerResponse) => void> => ({
      "/gateway/state": (_, response) => send(response, state),
      "/gateway/limits": (_, response) => send(response, limits),
      "/gateway/keys": (_, response) => send(response, { object: "list", data: keys }),
      "/gateway/requests": (url, response) => {
        const status = url.searchParams.get("status");
        send(response, { object: "list", data: requests.filter(r => status === null || `${`${r.status}`[0]}xx` === status), dropped: 0 });
      },
      "/gateway/principals": (_, response) => send(response, { object: "list", data: principals }),
      "/gateway/review": (_, response) => send(response, { object: "list", data: [] }),
      "/gateway/policies": (_, response) => send(response, { object: "list", data: policies }),
      "/gateway/explain": (url, response) => send(response, explained(url)),
      "/gateway/usage": (url, response) => {
        const [from, to] = [url.searchParams.get("from") ?? "", url.searchParams.get("to") ?? ""];
        send(response, { object: "list", data: usage.filter(r => r.day >= from && r.day <= to) });
      },
    }),
    /** True where it answered. */
    change(
      request: IncomingMessage,
      response: ServerResponse,
      path: string,
      body: () => Promise<Record<string, unknown>>,
      send: Send,
    ): boolean {
      if (request.method === "DELETE" && path.startsWith("/gateway/keys/")) {
        const key = keys.find(k => k.id === decodeURIComponent(path.slice("/gateway/keys/".length)));
        if (key) {
          key.state = "revoked";
          key.revokedMs = Date.now();
          send(response, { key });
        } else send(response, { error: { code: "unknown_key", message: "no key has this id", type: "x", param: null } }, 404);
        return true;
      }
      if (request.method !== "POST" || path !== "/gateway/keys") return false;
      void body().then(given => {
        if (!keys.some(k => k.subject === given.subject))
          return send(
            response,
            { error: { code: "unknown_subject", message: `nobody is called "${String(given.subject)}"`, type: "x", param: "subject" } },
            404,
          );
        const key = { ...keyOf(keys.length + 1, String(given.name), String(given.subject), Date.now()), lastUsedMs: null };
        keys.push(key);
        send(response, { key, secret: `${key.prefix}-shownthisonceshownthisonceshownth` }, 201);
      });
      return true;
    },
  };
}
