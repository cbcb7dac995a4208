import OpenAI, { type APIError, RateLimitError } from "openai";
import { afterEach, describe, expect, test } from "vitest";
import { check } from "../../base/index.ts";
import type { UsageRow } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import { identityWith } from "../policy/fakes.ts";
import type { BucketStore, SettleAsk } from "./bucket-store.ts";
import type { Demand, LimitState, Subjects } from "./contract.ts";
import { durationMs, durationText, goDuration, parseDuration } from "./durations.ts";
import { limitHeaders, retryHeaders } from "./headers.ts";
import { Limiter } from "./limiter.ts";
import { memoryBuckets } from "./memory.ts";
import { pricesPart } from "./price-table.ts";
import { isAmount } from "./reservation.ts";
import { limitsPart } from "./rules.ts";

const startMs = Date.UTC(2026, 10, 26, 12);
const demand = (more: Partial<Demand> = {}): Demand => ({ inputTokens: 10, maxOutputTokens: 90, bytes: 500, ...more });
const subjects = (more: Partial<Subjects> = {}): Subjects => ({ identity: identityWith(), model: "mail", ip: "192.0.2.1", ...more });
const used = (outputTokens: number, more: object = {}) => ({ inputTokens: 10, cachedTokens: 0, outputTokens, status: 200, ...more });

const limiters: Limiter[] = [];
afterEach(async () => {
  for (const limiter of limiters.splice(0)) await limiter.close();
});

function limiterWith(rules: readonly object[], more: { readonly prices?: object; readonly wrap?: (b: BucketStore) => BucketStore } = {}) {
  const clock = { ms: startMs };
  const usage: UsageRow[] = [];
  const events: string[] = [];
  const store = memoryBuckets({ owner: "test", leaseMs: 1e9, timeoutMs: 1_000, now: () => clock.ms }, row => usage.push(row));
  const parsed = check(limitsPart, rules, "limits");
  const prices = check(pricesPart, more.prices ?? {}, "prices");
  const limiter = new Limiter({
    buckets: more.wrap?.(store) ?? store,
    rules: () => parsed,
    prices: () => prices,
    now: () => clock.ms,
    atOnce: 1,
    sweepEveryMs: 1e8,
    onStore: state => events.push(state),
  });
  limiters.push(limiter);
  return { limiter, clock, usage, events };
}

async function taken(limiter: Limiter, s = subjects(), d = demand()) {
  const r = await limiter.reserve(s, d);
  if (r.denial) throw new Error(`denied: ${r.denial.message}`);
  return r;
}
async function denied(limiter: Limiter, s = subjects(), d = demand()) {
  const r = await limiter.reserve(s, d);
  if (!r.denial) throw new Error("not denied");
  return r;
}

describe("reservations", () => {
  test("output is held by max_tokens, and what was not written is free again at the end", async () => {
    const { limiter } = limiterWith([{ name: "tokens", measure: "tokens", limit: 200, window: "1h" }]);
    const first = await taken(limiter);
    const second = await taken(limiter);
    expect((await denied(limiter, subjects(), demand({ inputTokens: 1, maxOutputTokens: 0 }))).denial.code).toBe("rate_limit_exceeded");
    await first.settle(used(5));
    expect((await taken(limiter, subjects(), demand({ maxOutputTokens: 74 }))).states[0]!.remaining).toBe(1);
    await second.cancel();
    expect((await taken(limiter, subjects(), demand({ maxOutputTokens: 0 }))).states[0]!.remaining).toBe(91);
  });

  test("each key, team and model has a bucket of its own, and whoever is in two teams needs room in both", async () => {
    const { limiter } = limiterWith([{ name: "team", per: ["team", "model"], measure: "requests", limit: 1, window: "1h" }]);
    const as = (teams: string[], model = "mail") => limiter.reserve(subjects({ identity: identityWith({ teams }), model }), demand());
    expect((await as(["a"])).denial).toBeUndefined();
    expect((await as(["a"])).denial).toBeDefined();
    expect((await as(["a"], "other")).denial).toBeUndefined();
    expect((await as(["b", "a"])).denial).toBeDefined();
    expect((await as(["b"])).denial).toBeUndefined();
  });

  test("a limit for some models and teams concerns no others", async () => {
    const { limiter } = limiterWith([
      { name: "gpt", measure: "requests", limit: 1, window: "1h", for: { models: ["gpt-*"], teams: ["research"] } },
    ]);
    const as = async (model: string, teams = ["research"]) =>
      (await taken(limiter, subjects({ model, identity: identityWith({ teams }) }))).states.length;
    expect(await as("gpt-4")).toBe(1);
    expect([await as("mail"), await as("gpt-4", ["sales"]), await as("mail")]).toEqual([0, 0, 0]);
    expect((await denied(limiter, subjects({ model: "gpt-5" }))).denial.limit).toBe("gpt");
  });

  test("money is held at the most a request can cost, and charged at what it cost, cached tokens at their price", async () => {
    const { limiter, usage } = limiterWith([{ name: "budget", per: ["team"], measure: "cost", limit: 0.001, period: "month" }], {
      prices: { currency: "EUR", models: { mail: { input: 1, cachedInput: 0.1, output: 4 } } },
    });
    // 100 x 1 + 200 x 4 = 900 of a millionth
    const r = await taken(limiter, subjects(), demand({ inputTokens: 100, maxOutputTokens: 200 }));
    expect(r.states[0]!.remaining).toBe(100_000);
    const no = await denied(limiter, subjects(), demand({ inputTokens: 101, maxOutputTokens: 0 }));
    expect(no.denial).toMatchObject({ status: 429, code: "insufficient_quota" });
    expect(no.denial.message).toBe(
      'Limit "budget" is 0.0010 EUR a month; this one may take 0.0001 EUR, and too little is left. Try again in 1s.',
    );
    await r.settle(used(50, { inputTokens: 100, cachedTokens: 80 }));
    // 20 x 1 + 80 x 0.1 + 50 x 4 = 228 of a millionth
    expect(usage).toEqual([
      {
        day: "2026-11-26",
        keyId: "key_a",
        subject: "ann",
        team: "research",
        organisation: "acme",
        model: "mail",
        requests: 1,
        errors: 0,
        inputTokens: 100,
        cachedTokens: 80,
        outputTokens: 50,
        costNano: 228_000,
      },
    ]);
    expect((await taken(limiter, subjects(), demand({ inputTokens: 0, maxOutputTokens: 193 }))).states[0]!.remaining).toBe(0);
  });

  test("a budget begins anew with its month, by UTC", async () => {
    const { limiter, clock } = limiterWith([{ name: "budget", measure: "cost", limit: 0.0001, period: "month" }], {
      prices: { models: { "*": { request: 0.0001 } } },
    });
    await (await taken(limiter)).settle(used(0));
    const no = await denied(limiter);
    expect(no.denial.retryAfterMs).toBe(Date.UTC(2026, 11, 1) - startMs);
    clock.ms = Date.UTC(2026, 11, 1) - 1;
    await denied(limiter);
    clock.ms += 1;
    await taken(limiter);
  });

  test("a limit on money lets no model pass that has no price", async () => {
    const { limiter } = limiterWith([{ name: "budget", measure: "cost", limit: 1, period: "total" }], {
      prices: { models: { other: { input: 1 } } },
    });
    expect((await denied(limiter)).denial.message).toMatch(/model "mail" has no price/);
  });

  test("an upstream that lies about usage is charged what was held", async () => {
    for (const lie of [Number.NaN, -5, Number.POSITIVE_INFINITY, 1e15]) {
      const { limiter, usage } = limiterWith([{ name: "tokens", measure: "tokens", limit: 1000, window: "1h" }]);
      await (await taken(limiter)).settle({ inputTokens: lie, cachedTokens: lie, outputTokens: lie, status: 200 });
      expect(usage[0]).toMatchObject({ inputTokens: 10, cachedTokens: 0, outputTokens: 90 });
      expect((await taken(limiter, subjects(), demand({ inputTokens: 0, maxOutputTokens: 0 }))).states[0]!.remaining).toBe(900);
    }
  });

  test("a demand that is no number, below 0 or beyond reason is refused and opens no room", async () => {
    const { limiter } = limiterWith([{ name: "tokens", measure: "tokens", limit: 100, window: "1h" }]);
    for (const bad of [
      { maxOutputTokens: -1e6 },
      { inputTokens: Number.NaN },
      { maxOutputTokens: 1e18 },
      { bytes: Number.POSITIVE_INFINITY },
    ])
      expect((await denied(limiter, subjects(), demand(bad))).denial.status).toBe(413);
    expect((await taken(limiter)).states[0]!.remaining).toBe(0);
  });

  test("a limit in shadow says that it would have denied, and does not", async () => {
    const { limiter } = limiterWith([{ name: "soon", measure: "requests", limit: 1, window: "1h", mode: "shadow" }]);
    expect((await taken(limiter)).warnings).toEqual([]);
    const r = await taken(limiter);
    expect(r.warnings).toEqual([{ limit: "soon", kind: "shadow", message: 'limit "soon" (shadow) would have denied this request' }]);
    expect(r.headers()).toEqual({});
  });

  test("a warning goes out above its share, before anything is denied", async () => {
    const { limiter } = limiterWith([{ name: "day", measure: "requests", limit: 4, period: "day", warnAt: 0.7 }]);
    const kinds = [];
    for (let i = 0; i < 4; i++) kinds.push((await taken(limiter)).warnings.map(w => w.message));
    expect(kinds).toEqual([[], [], ['limit "day" is used to 75 %'], ['limit "day" is used to 100 %']]);
  });

  test("burst is how much may come at once, the rate what may come in the long run", async () => {
    const { limiter, clock } = limiterWith([{ name: "rate", measure: "requests", limit: 60, window: "1m", burst: 2 }]);
    expect((await taken(limiter)).headers()).toMatchObject({
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "1",
      "ratelimit-policy": '"rate";q=60;w=60;qu="requests"',
    });
    await taken(limiter);
    const no = await denied(limiter);
    expect(no.denial.retryAfterMs).toBeCloseTo(1000, 3);
    expect(no.denial.message).toMatch(/is 60 requests in 1m0s, 2 requests at once; this one may take 1 request, and too little is left/);
    clock.ms += 1000;
    await taken(limiter);
    await denied(limiter);
  });

  test("concurrency is counted while requests are under way", async () => {
    const { limiter } = limiterWith([{ name: "at-once", per: ["key"], measure: "concurrency", limit: 2 }]);
    const first = await taken(limiter);
    await taken(limiter);
    await denied(limiter);
    await first.settle(used(1));
    await first.settle(used(1));
    await taken(limiter);
    await denied(limiter);
  });
});

describe("the end of a reservation", () => {
  const requests = { name: "requests", measure: "requests", limit: 5, window: "1h" };
  /** What a limiter tells its store of ends, of either way to tell it. */
  function told(rules: readonly object[]) {
    const settled: SettleAsk[] = [];
    const wrap = ({ reserve, settle, sweep, list, close }: BucketStore): BucketStore => ({
      reserve,
      settle: asks => {
        settled.push(...asks);
        return settle(asks);
      },
      sweep,
      list,
      close,
    });
    return { ...limiterWith(rules, { wrap }), settled };
  }

  test("settled again, or cancelled after it, a request is counted once, with a limit and without", async () => {
    for (const rules of [[], [requests]]) {
      const { limiter, usage, settled } = told(rules);
      const r = await taken(limiter);
      await r.settle(used(7));
      await r.settle(used(7));
      await r.cancel();
      await limiter.close();
      expect([settled.length, usage.map(u => u.outputTokens)]).toEqual([1, [7]]);
      expect(settled[0]!.tookLines).toBe(rules.length > 0);
    }
  });

  test("a cancelled request that took nothing is no work for the store", async () => {
    const { limiter, usage, settled } = told([]);
    await (await taken(limiter)).cancel();
    await limiter.close();
    expect([settled, usage]).toEqual([[], []]);
  });

  test("parts of a token count as one, and an amount is from 0 to a billion", async () => {
    const { limiter, usage } = told([]);
    await (await taken(limiter)).settle(used(4.2, { inputTokens: 9.5, cachedTokens: 0.5 }));
    await limiter.close();
    expect(usage[0]).toMatchObject({ inputTokens: 10, cachedTokens: 1, outputTokens: 5 });
    expect([0, 1e9].map(isAmount)).toEqual([true, true]);
    expect([-1, 1e9 + 1, Number.NaN, Number.POSITIVE_INFINITY].map(isAmount)).toEqual([false, false, false, false]);
  });

  test("its headers are the same in either form", async () => {
    const { limiter } = told([requests]);
    const r = await taken(limiter);
    const list = r.headerList();
    expect(list.length).toBeGreaterThan(0);
    expect(Object.entries(r.headers()).flat()).toEqual(list);
  });
});

describe("a store that is lost", () => {
  const lost = gatewayErrors.fail("stateLost", { place: "test", message: "gone" });
  function breakable(rules: readonly object[]) {
    const is = { down: false };
    const given = limiterWith(rules, {
      wrap: b => ({
        reserve: asks => (is.down ? Promise.reject(lost) : b.reserve(asks)),
        settle: asks => (is.down ? Promise.reject(lost) : b.settle(asks)),
        sweep: () => (is.down ? Promise.reject(lost) : b.sweep()),
        list: (after, most) => b.list(after, most),
        close: () => b.close(),
      }),
    });
    return { ...given, is };
  }
  const open = { name: "open", measure: "requests", limit: 5, window: "1h", onStoreLoss: "open" };

  test("a closed limit lets nothing through meanwhile, and says so", async () => {
    const { limiter, is } = breakable([
      open,
      { name: "closed", measure: "cost", limit: 5, period: "month", mode: "shadow" },
      { ...open, name: "strict", onStoreLoss: "closed" },
    ]);
    is.down = true;
    const no = await denied(limiter);
    expect(no.denial).toMatchObject({ status: 503, code: "limits_unavailable", limit: "strict" });
    expect(no.headers()).toMatchObject({ "retry-after": "1", "x-should-retry": "true" });
  });

  test("open limits let everything through, once announced, and count it when the store is back", async () => {
    const { limiter, is, usage, events } = breakable([open]);
    await taken(limiter);
    const during = await taken(limiter);
    is.down = true;
    const free = await taken(limiter);
    expect(free.unlimited).toBe(true);
    await taken(limiter);
    await during.settle(used(7));
    await free.settle(used(8));
    expect([limiter.pending, usage.length, events]).toEqual([2, 0, ["lost"]]);
    is.down = false;
    await expect.poll(() => limiter.pending, { timeout: 5_000 }).toBe(0);
    expect(usage.reduce((n, u) => n + u.outputTokens, 0)).toBe(7 + 8);
    expect(events).toEqual(["lost", "back"]);
    expect((await taken(limiter)).unlimited).toBe(false);
  });
});

describe("what clients are told", () => {
  test("OpenAI's headers carry the tightest limit with Go durations, the IETF's every limit", async () => {
    const { limiter } = limiterWith(
      [
        { name: "minute", measure: "requests", limit: 60, window: "1m" },
        { name: "day", measure: "requests", limit: 2, period: "day" },
        { name: "tokens", measure: "tokens", limit: 1000, window: "1m" },
        { name: "money", measure: "cost", limit: 5, period: "month" },
      ],
      { prices: { models: { "*": { input: 1 } } } },
    );
    expect((await taken(limiter)).headers()).toEqual({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "1",
      "x-ratelimit-reset-requests": "12h0m0s",
      "x-ratelimit-limit-tokens": "1000",
      "x-ratelimit-remaining-tokens": "900",
      "x-ratelimit-reset-tokens": "600ms",
      "ratelimit-policy": '"minute";q=60;w=60;qu="requests", "day";q=2;w=86400;qu="requests", "tokens";q=1000;w=60',
      ratelimit: '"minute";r=59;t=1, "day";r=1;t=43200, "tokens";r=900;t=1',
    });
  });

  test("durations are written as Go prints them", () => {
    expect([59_999, 3_599_999].map(goDuration)).toEqual(["59.999s", "59m59.999s"]);
    expect([0, 1, 12, 999, 1000, 1500, 59_999.2, 60_000, 360_000, 3_600_000, 93_784_005].map(goDuration)).toEqual([
      "0s",
      "1ms",
      "12ms",
      "999ms",
      "1s",
      "1.5s",
      "1m0s",
      "1m0s",
      "6m0s",
      "1h0m0s",
      "26h3m4.005s",
    ]);
    expect(["90s", "1m", "1.5h", "250ms", "2d", "0s", "1", "m", "-1s", "1w"].map(parseDuration)).toEqual([
      90_000,
      60_000,
      5_400_000,
      250,
      172_800_000,
      ...Array(5).fill(undefined),
    ]);
    expect([" 5m ", "0.001s", "1.0001s", "1234567890s"].map(parseDuration)).toEqual([300_000, 1, undefined, undefined]);
    // in the largest unit without a fraction, which reads back as the same
    const whole = [1, 999, 1_500, 60_000, 90_000, 7_200_000, 86_400_000, 90_000_000];
    expect(whole.map(durationText)).toEqual(["1ms", "999ms", "1500ms", "1m", "90s", "2h", "1d", "25h"]);
    expect(whole.map(durationText).map(parseDuration)).toEqual(whole);
    expect(() => check(durationMs, "soon", "x")).toThrow('x: expected a duration such as "30s", "1m" or "24h", got "soon"');
  });

  test("a wait that OpenAI's clients would not keep is marked as not to be retried", () => {
    expect(retryHeaders(1_500)).toEqual({ "retry-after": "2", "retry-after-ms": "1500", "x-should-retry": "true" });
    expect(retryHeaders(60_000)["x-should-retry"]).toBe("true");
    expect(retryHeaders(60_001)["x-should-retry"]).toBe("false");
    expect(retryHeaders(null)).toEqual({ "x-should-retry": "false" });
  });

  test("no state means no header", () => {
    expect(limitHeaders([] as LimitState[])).toEqual({});
  });

  /** The official client against answers made of denials, without a socket. */
  async function client(limiter: Limiter) {
    let asked = 0;
    const openai = new OpenAI({
      apiKey: "x",
      baseURL: "http://gateway.invalid/v1",
      fetch: async () => {
        asked++;
        const r = await limiter.reserve(subjects(), demand());
        if (r.denial) return Response.json(r.body(), { status: r.denial.status, headers: r.headers() });
        return Response.json({ object: "list", data: [] }, { headers: r.headers() });
      },
    });
    const ask = () => openai.models.list().asResponse();
    return { ask, asked: () => asked };
  }

  test("the official client comes back after the wait it is told", async () => {
    const { limiter, clock } = limiterWith([{ name: "rate", measure: "requests", limit: 10, window: "1s", burst: 1 }]);
    const c = await client(limiter);
    expect((await c.ask()).headers.get("x-ratelimit-remaining-requests")).toBe("0");
    const again = c.ask();
    await expect.poll(() => c.asked(), { timeout: 5_000 }).toBe(2);
    clock.ms += 100;
    expect((await again).status).toBe(200);
    expect(c.asked()).toBe(3);
  });

  test("the official client gives up at once where the wait is long, with the limit's sentence in its error", async () => {
    const { limiter } = limiterWith([{ name: "budget", measure: "requests", limit: 1, period: "day" }]);
    const c = await client(limiter);
    await c.ask();
    const error = await c.ask().then(
      () => undefined,
      e => e as APIError,
    );
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "insufficient_quota", type: "insufficient_quota", param: null });
    expect(error!.message).toMatch(/Limit "budget" is 1 request a day/);
    expect(c.asked()).toBe(2);
  });

  test("a request larger than a limit ever allows is a 413 that is not retried", async () => {
    const { limiter } = limiterWith([{ name: "tokens", measure: "tokens", limit: 50, window: "1m" }]);
    const c = await client(limiter);
    const error = await c.ask().then(
      () => undefined,
      e => e as APIError,
    );
    expect(error).toMatchObject({ status: 413, code: "request_too_large", type: "invalid_request_error" });
    expect(c.asked()).toBe(1);
  });
});

describe("configuration", () => {
  const sentence = (...rules: object[]): string => {
    try {
      check(limitsPart, rules, "limits");
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  test("a limit that cannot be meant is refused at its place", () => {
    const good = { name: "a", measure: "requests", limit: 1, window: "1m" };
    expect(sentence(good)).toBe("");
    expect(sentence({ ...good, window: undefined })).toMatch(/limits: \[0\]\.window: expected either window/);
    expect(sentence({ ...good, period: "day" })).toMatch(/either window/);
    expect(sentence({ ...good, limit: 0 })).toMatch(/limits: \[0\]\.limit/);
    expect(sentence({ ...good, limit: 1.5 })).toMatch(/whole number/);
    expect(sentence({ ...good, measure: "request" })).toMatch(/Did you mean "requests"/);
    expect(sentence({ ...good, measure: "concurrency" })).toMatch(/counted now/);
    expect(sentence({ ...good, windw: "1m" })).toMatch(/Did you mean "window"/);
    expect(sentence(good, good)).toMatch(/no other limit has/);
    expect(sentence({ ...good, limit: Number.NaN })).toMatch(/limit/);
  });
});
