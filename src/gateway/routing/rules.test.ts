/** Rules of a model: by header, tag, caller, parameter, prompt's length; as decisions, and through the gateway's door. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, good, openAccess, status, type TestGateway, testGateway } from "../fakes.ts";
import { identityWith } from "../policy/fakes.ts";
import { conditions, type Facts, holds, tagsOf } from "./conditions.ts";

const factsWith = (more: Partial<Facts> = {}, headers: Record<string, string> = {}): Facts => ({
  headers: new Headers(headers),
  identity: identityWith(),
  endpoint: "chat",
  model: "chat",
  body: {},
  inputTokens: 10,
  isStream: false,
  ...more,
});
const says = (given: object, more: Partial<Facts> = {}, headers: Record<string, string> = {}) =>
  holds(conditions.parse(given), factsWith(more, headers));

test("each kind of condition fits what it names and nothing else", () => {
  expect([says({ headers: { "X-Tier": "gold" } }, {}, { "x-tier": "gold" }), says({ headers: { "x-tier": "gold" } })]).toEqual([
    true,
    false,
  ]);
  expect(says({ headers: { "x-tier": ["silver", "go*"] } }, {}, { "x-tier": "gold" })).toBe(true);
  expect(says({ headers: { "x-tier": "*" } }, {}, { "x-tier": "anything" })).toBe(true);
  expect([says({ teams: ["research"] }), says({ teams: ["sales"] }), says({ subjects: ["an*"] }), says({ keys: ["key_b"] })]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([says({ roles: ["writer"] }), says({ organisations: ["acme"] }), says({ organisations: ["other"] })]).toEqual([true, true, false]);
  const body = { temperature: 0, max_tokens: 500, reasoning_effort: "high", metadata: { tags: ["eu", "batch"] } };
  expect(says({ parameters: { max_tokens: { min: 400 } } }, { body })).toBe(true);
  expect(says({ parameters: { max_tokens: { max: 400 } } }, { body })).toBe(false);
  expect(says({ parameters: { reasoning_effort: { oneOf: ["high"] } } }, { body })).toBe(true);
  expect(says({ parameters: { top_p: { min: 0 } } }, { body })).toBe(false);
  expect([says({ tags: ["eu"] }, { body }), says({ tags: ["us"] }, { body })]).toEqual([true, false]);
  expect(says({ tags: ["us"] }, { body }, { "x-loam-tags": "a, us" })).toBe(true);
  expect(says({ tags: ["c"] }, { body: { metadata: { tags: "b, c" } } })).toBe(true);
  const plan = { body: { metadata: { plan: "gold", seats: 3 } } };
  expect([says({ metadata: { plan: ["gold", "plat*"] } }, plan), says({ metadata: { plan: "silver" } }, plan)]).toEqual([true, false]);
  expect([
    says({ metadata: { seats: "*" } }, plan),
    says({ metadata: { toString: "*" } }, plan),
    says({ metadata: { plan: "*" } }),
  ]).toEqual([false, false, false]);
  expect([says({ endpoints: ["embeddings"] }), says({ stream: false }), says({ stream: true }), says({ models: ["ch*"] })]).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

test("lengths of prompts fall into exactly one of adjoining ranges", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), inputTokens => {
      const ranges = [{ to: 100 }, { from: 100, to: 2_000 }, { from: 2_000 }];
      expect(ranges.filter(r => says({ inputTokens: r }, { inputTokens })).length).toBe(1);
    }),
  );
});

test("several conditions all hold, or the rule does not fit", () => {
  const both = { teams: ["research"], headers: { "x-tier": "gold" } };
  expect([says(both, {}, { "x-tier": "gold" }), says(both)]).toEqual([true, false]);
});

test("a rule on a secret, on nothing, or on a range that is empty is a mistake", () => {
  for (const given of [
    { headers: { Authorization: "Bearer x" } },
    { headers: { cookie: "a" } },
    {},
    { inputTokens: { from: 5, to: 5 } },
    { tier: 1 },
  ])
    expect(conditions.safeParse(given).success).toBe(false);
});

test("tags without end are refused, not looked at", () => {
  expect(() => tagsOf(factsWith({}, { "x-loam-tags": "a,".repeat(40) }))).toThrow(/x-loam-tags/);
  expect(() => tagsOf(factsWith({ body: { metadata: { tags: ["x".repeat(65)] } } }))).toThrow(/x-loam-tags/);
  expect(tagsOf(factsWith({ body: { metadata: { tags: { a: 1 } } } }))).toEqual([]);
});

let small: FakeUpstream;
let big: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  [small, big] = await Promise.all([fakeUpstream(good), fakeUpstream(good)]);
});
afterEach(async () => {
  await gateway?.close();
  await Promise.all([small.close(), big.close()]);
  expect(gateway?.failures ?? []).toEqual([]);
});
const configOf = (rules: object[], more: object = {}) => ({
  upstreams: { small: { url: small.url }, big: { url: big.url } },
  models: {
    chat: {
      targets: [
        { upstream: "small", tags: ["cheap", "eu"] },
        { upstream: "big", tags: ["gold"] },
      ],
      rules,
      ...more,
    },
  },
  retries: { attempts: 1, backoff: "1ms" },
});
const ask = async (content: string, headers: Record<string, string> = {}, more: object = {}) => {
  const response = await gateway.post(
    "/v1/chat/completions",
    { model: "chat", messages: [{ role: "user", content }], ...more },
    { headers },
  );
  await response.text();
  return response.headers.get("x-loam-target") ?? response.status;
};

test("the first rule that fits sends a request to its targets alone; without one all may answer; log and metrics name the rule", async () => {
  gateway = await testGateway(
    configOf([
      { name: "gold", when: { headers: { "x-tier": "gold" } }, use: ["gold"] },
      { name: "long", when: { inputTokens: { from: 300 } }, use: ["big/chat"] },
      { when: { tags: ["cheap"], parameters: { temperature: { max: 0 } } }, use: ["small/chat"] },
    ]),
  );
  const several = async (n: number, ...given: Parameters<typeof ask>) => {
    const got = [];
    for (let i = 0; i < n; i++) got.push(await ask(...given));
    return [...new Set(got)].sort();
  };
  expect(await several(4, "hi", { "x-tier": "gold" })).toEqual(["big/chat"]);
  expect(await several(4, "word ".repeat(400))).toEqual(["big/chat"]);
  expect(await several(4, "hi", { "x-loam-tags": "cheap" }, { temperature: 0 })).toEqual(["small/chat"]);
  expect(await several(4, "hi", {}, { temperature: 0, metadata: { tags: ["cheap"] } })).toEqual(["small/chat"]);
  expect(await several(4, "hi")).toEqual(["big/chat", "small/chat"]);
  expect(gateway.records.map(r => r.rule)).toEqual(
    ["gold", "long", "rule-3", "rule-3", null].flatMap(rule => Array.from({ length: 4 }, () => rule)),
  );
  const text = await gateway.gateway.metrics.text();
  expect(text).toContain('loam_gateway_rule_requests_total{model="chat",rule="gold"} 4');
  expect(text).toContain('loam_gateway_target_requests_total{model="chat",target="big/chat",status="200"}');
});

test("a rule whose targets are down gives an error, not an answer of another target, unless it says otherwise: others", async () => {
  small.script = status(500);
  const rule = { when: { tags: ["eu"] }, use: ["eu"] };
  gateway = await testGateway(configOf([rule]));
  expect(await ask("hi", { "x-loam-tags": "eu" })).toBe(502);
  expect(big.received.length).toBe(0);
  await gateway.close();
  gateway = await testGateway(configOf([{ ...rule, otherwise: "others" }]));
  expect(await ask("hi", { "x-loam-tags": "eu" })).toBe("big/chat");
  expect(small.received.length).toBeGreaterThan(0);
});

test("shares are exact among the requests of a rule, whatever others ask in between", async () => {
  const third = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { small: { url: small.url }, big: { url: big.url }, third: { url: third.url } },
    models: {
      chat: {
        targets: [
          { upstream: "small", weight: 3, tags: ["eu"] },
          { upstream: "big", weight: 1, tags: ["eu"] },
          { upstream: "third", weight: 6 },
        ],
        rules: [{ when: { tags: ["eu"] }, use: ["eu"] }],
      },
    },
  });
  const got: Record<string, number> = {};
  for (let i = 0; i < 40; i++) {
    if (i % 3 === 0) await ask("other");
    const target = await ask("hi", { "x-loam-tags": "eu" });
    got[target] = (got[target] ?? 0) + 1;
  }
  expect(got).toEqual({ "small/chat": 30, "big/chat": 10 });
  await third.close();
});

test("a rule that names no target is refused with the names that there are", async () => {
  await expect(testGateway(configOf([{ when: { tags: ["a"] }, use: ["golt"] }]))).rejects.toThrow(
    /models\.chat\.rules\[0\]\.use\[0\]: expected a target or a tag of one \(small\/chat, cheap, eu, big\/chat, gold\), got "golt"/,
  );
  const rule = { name: "a", when: { tags: ["a"] }, use: ["gold"] };
  await expect(testGateway(configOf([rule, rule]))).rejects.toThrow(/names that differ/);
});

test("rules look at who asks as policies do", async () => {
  gateway = await testGateway(configOf([{ when: { roles: ["admin"] }, use: ["gold"] }]), { access: openAccess });
  expect(new Set([await ask("a"), await ask("b"), await ask("c")])).toEqual(new Set(["big/chat"]));
});
