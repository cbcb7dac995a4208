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

export function fakeGateway(startedMs: number, isViewer = false) {
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
    rule: null as object | null,
    numBuckets: buckets.length,
    buckets,
    ...more,
  });
  const ruleOf = (name: string, measure: string, quota: number, origin = "file") => ({
    kind: "limits",
    name,
    measure,
    per: [] as string[],
    limit: quota,
    window: "1m",
    for: {},
    mode: "enforce",
    onStoreLoss: "closed",
    origin,
    revision: origin === "file" ? null : 11,
  });
  const limits = {
    object: "list",
    currency: "EUR",
    isWhole: true,
    data: [
      limit("requests", "requests", 60, 20, [bucket(2, 20, 0.95, 19_000), bucket(0, 20, 0.4, 8_000), bucket(1, 20, 0.05, 1_000)], {
        rule: ruleOf("requests", "requests", 60),
      }),
      limit("tokens", "tokens", 100_000, 100_000, [bucket(2, 100_000, 0.31, 18_600), bucket(0, 100_000, 0.12, 7_200)], {
        rule: ruleOf("tokens", "tokens", 100_000, "store"),
      }),
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
  let head = 40;
  const changes = [
    {
      position: head,
      atMs: startedMs - 3_600_000,
      by: "ann (key_11111111)",
      what: "policy.create",
      detail: { kind: "policies", name: "night" },
      head: "made up",
    },
  ];
  const noted = (what: string, detail: { kind: string; name: string }) => {
    head++;
    changes.push({ position: head, atMs: Date.now(), by: "loam-console (loam-console)", what, detail, head: "made up" });
    return head;
  };
  const held = [
    {
      id: "held1",
      guard: "people",
      subject: "ben",
      model: "gpt-4o",
      flaggedBy: ["blocklist"],
      text: "Write to all customers that the offer ends today.",
      sinceMs: startedMs - 20_000,
      untilMs: startedMs + 600_000,
    },
  ];
  const refusal = (message: string) => ({ error: { code: "unknown_entry", message, type: "x", param: null } });
  /** Of the paths with a name at their end: what a request changes, and its answer. */
  const changed = (method: string, kind: string, name: string, given: Record<string, unknown>): readonly [number, object] => {
    const verb = method === "DELETE" ? "delete" : "create";
    if (kind === "policies") {
      const at = policies.findIndex(p => p.id === name);
      if (method === "DELETE") {
        if (at < 0) return [404, refusal(`there is no "${name}" among the policies`)];
        const [policy] = policies.splice(at, 1);
        noted("policy.delete", { kind, name });
        return [200, { deleted: true, policy }];
      }
      if (at >= 0) return [409, refusal(`policies/${name}: expected the revision that is replaced, got none`)];
      const policy = { id: name, who: {}, ...given, origin: "store", revision: noted("policy.create", { kind, name }) };
      policies.push(policy as unknown as (typeof policies)[number]);
      return [201, { created: true, policy }];
    }
    const row = limits.data.find(l => l.limit === name);
    if (method === "DELETE") {
      if (!row) return [404, refusal(`there is no "${name}" among the limits`)];
      limits.data.splice(limits.data.indexOf(row), 1);
      noted("limit.delete", { kind, name });
      return [200, { deleted: true, limit: row.rule }];
    }
    if (Number(given.limit) > 1e12) return [400, refusal(`limit: expected at most 1000000000000, got ${String(given.limit)}`)];
    const rule = {
      ...ruleOf(name, String(given.measure), Number(given.limit), "store"),
      ...given,
      revision: noted(`limit.${verb}`, { kind, name }),
    };
    if (given.period !== undefined) delete (rule as { window?: string }).window;
    if (row) Object.assign(row, { rule, quota: rule.limit, capacity: rule.limit });
    else limits.data.push({ ...limit(name, rule.measure, rule.limit, rule.limit, []), per: rule.per, rule });
    return [row ? 200 : 201, { created: !row, limit: rule }];
  };
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
      "/gateway/permissions": (_, response) =>
        send(response, {
          subject: isViewer ? "vera" : "loam-console",
          key: "loam-console",
          roles: [isViewer ? "viewer" : "admin"],
          missing: Object.fromEntries(
            ["look", "lookAtKeys", "changeKeys", "change", "review"].map(right => [
              right,
              isViewer && !right.startsWith("look") ? "this needs the role admin, and vera has viewer" : null,
            ]),
          ),
        }),
      "/gateway/changes": (_, response) => send(response, { object: "list", data: changes, head: null }),
      "/gateway/held": (_, response) => send(response, { object: "list", data: held }),
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
      const method = request.method ?? "GET";
      const [, kind = "", name = ""] = /^\/gateway\/(policies|limits)\/([^/]+)$/.exec(path) ?? [];
      if (kind !== "" && method !== "GET") {
        void (method === "DELETE" ? Promise.resolve({}) : body()).then(given => {
          const [status, answer] = changed(method, kind, decodeURIComponent(name), given);
          send(response, answer, status);
        });
        return true;
      }
      if (method === "POST" && path.startsWith("/gateway/held/")) {
        const [of] = held.splice(0, 1);
        void body().then(({ decision }) =>
          send(response, { held: of, decision: decision === "approve" ? "approved" : "refused", by: "loam-console" }),
        );
        return true;
      }
      const rotated = /^\/gateway\/keys\/([^/]+)\/rotate$/.exec(path)?.[1];
      if (method === "POST" && rotated !== undefined) {
        const key = keys.find(k => k.id === decodeURIComponent(rotated));
        send(response, key ? { key, secret: `${key.prefix}-rotatedrotatedrotated` } : refusal("no key has this id"), key ? 200 : 404);
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
