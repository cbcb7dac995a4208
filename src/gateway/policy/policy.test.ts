import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check, defined } from "../../base/index.ts";
import type { Action } from "../contract.ts";
import type { Identity } from "../identity/contract.ts";
import { candidatePolicies, compilePolicies } from "./compile.ts";
import { decide, explainPolicies } from "./decide.ts";
import { identityWith } from "./fakes.ts";
import { isWithinHours, weekdays } from "./hours.ts";
import { addressParameters, answerTokens, bodyParameters, listParameters, parametersIn, wordParameters } from "./parameters.ts";
import { type Policy, policiesPart } from "./rules.ts";

const policies = (...given: object[]): Policy[] => check(policiesPart, given, "policies");
const index = (...given: object[]) => compilePolicies(policies(...given));
const chat: Action = { endpoint: "chat", model: "mail" };
const noon = Date.UTC(2026, 10, 26, 12);

describe("decisions", () => {
  test("what no policy allows is denied", () => {
    expect(decide(index(), identityWith(), chat, noon)).toEqual({
      allowed: false,
      policy: null,
      reason: 'no policy allows chat with model "mail"',
    });
  });

  test("a denial goes before any allowance, wherever it stands, and gives its reason", () => {
    const i = index(
      { id: "all", effect: "allow" },
      { id: "freeze", effect: "deny", who: { teams: ["research"] }, models: ["ma*"], reason: "frozen until the audit" },
    );
    expect(decide(i, identityWith(), chat, noon)).toEqual({
      allowed: false,
      policy: "freeze",
      reason: 'policy "freeze" denies chat with model "mail": frozen until the audit',
    });
    expect(decide(i, identityWith({ teams: ["sales"] }), chat, noon)).toMatchObject({ allowed: true, policy: "all" });
  });

  test("a key's scopes narrow what its policies allow, and never widen it", () => {
    const i = index({ id: "embed", effect: "allow", endpoints: ["embeddings"] });
    expect(decide(i, identityWith({ scopes: ["chat"] }), chat, noon).allowed).toBe(false);
    expect(decide(i, identityWith({ scopes: ["chat"] }), { endpoint: "embeddings", model: "m" }, noon).reason).toMatch(/for chat only/);
    expect(decide(i, identityWith({ scopes: ["embeddings"] }), { endpoint: "embeddings", model: "m" }, noon).allowed).toBe(true);
  });

  test("an allowance holds within its bounds only; what a request leaves out is within none", () => {
    const i = index({ id: "short", effect: "allow", parameters: { max_tokens: { max: 1024 }, stream: { oneOf: [true] } } });
    const allowed = (parameters: Action["parameters"]) => decide(i, identityWith(), { ...chat, ...defined({ parameters }) }, noon).allowed;
    expect(allowed({ max_tokens: 1024, stream: true })).toBe(true);
    expect(allowed({ max_tokens: 1025, stream: true })).toBe(false);
    expect(allowed({ max_tokens: 10, stream: false })).toBe(false);
    expect(allowed({ max_tokens: "10", stream: true })).toBe(false);
    expect(allowed({ stream: true })).toBe(false);
    expect(allowed(undefined)).toBe(false);
  });

  test("labels and classes of data are matched by name, and absent ones fit none", () => {
    const i = index({ id: "canary", effect: "allow", labels: ["canary"], dataClasses: ["public", "internal"] });
    expect(decide(i, identityWith(), { ...chat, label: "canary", dataClass: "internal" }, noon).allowed).toBe(true);
    expect(decide(i, identityWith(), { ...chat, label: "canary", dataClass: "personal" }, noon).allowed).toBe(false);
    expect(decide(i, identityWith(), { ...chat, label: "canary" }, noon).allowed).toBe(false);
    expect(decide(i, identityWith(), { ...chat, dataClass: "public" }, noon).allowed).toBe(false);
  });

  test("a policy for an organisation is for those who belong to it, and for nobody who belongs to none", () => {
    const i = index({ id: "acme", effect: "allow", who: { organisations: ["acme"] } });
    const allowed = (organisation: string | null) => decide(i, identityWith({ organisation }), chat, noon).allowed;
    expect(["acme", "other", "null", null].map(allowed)).toEqual([true, false, false, false]);
  });

  test("a request without a model is in no policy for models", () => {
    const i = index({ id: "some", effect: "allow", models: ["mail", "*"] });
    expect(decide(i, identityWith(), { ...chat, model: null }, noon)).toEqual({
      allowed: false,
      policy: null,
      reason: "no policy allows chat",
    });
  });

  test("a letter that looks like another is another: no policy is met by a look-alike name", () => {
    const i = index({ id: "mail", effect: "allow", models: ["mail"] }, { id: "gpt", effect: "allow", models: ["gpt-*"] });
    for (const model of ["mаil", "MAIL", "mail ", "ｍａｉｌ", "ɡpt-4", "gpt"])
      expect(decide(i, identityWith(), { ...chat, model }, noon).allowed, model).toBe(false);
    for (const model of ["mail", "gpt-", "gpt-4"]) expect(decide(i, identityWith(), { ...chat, model }, noon).allowed, model).toBe(true);
  });

  test("explaining names every policy looked at and why it does not apply", () => {
    const i = index(
      { id: "short", effect: "allow", who: { teams: ["research"] }, parameters: { max_tokens: { max: 100 } } },
      { id: "night", effect: "deny", when: { from: "22:00", to: "06:00" } },
      { id: "other", effect: "allow", who: { teams: ["sales"] } },
      { id: "embed", effect: "allow", endpoints: ["embeddings"] },
    );
    const action = { ...chat, parameters: { max_tokens: 200 } };
    const { decision, considered } = explainPolicies(i, identityWith(), action, noon);
    expect(decision.allowed).toBe(false);
    expect(considered.map(c => [c.policy, c.applies, c.why])).toEqual([
      ["short", false, "wants max_tokens to be at most 100, got 200"],
      ["night", false, "is for other times"],
      ["embed", false, "is for embeddings, not chat"],
    ]);
  });

  test("the index decides as reading every policy in turn does", () => {
    const names = fc.constantFrom("a", "b", "ab", "abc");
    const list = (of: fc.Arbitrary<string>) => fc.option(fc.uniqueArray(of, { minLength: 1, maxLength: 2 }), { nil: undefined });
    const given = fc.array(
      fc.record({
        effect: fc.constantFrom("allow", "deny"),
        who: fc.record({ teams: list(names), roles: list(names), subjects: list(names) }),
        models: list(fc.oneof(names, fc.constantFrom("*", "a*", "ab*", "abcd*"))),
        endpoints: list(fc.constantFrom("chat", "embeddings")),
      }),
      { maxLength: 12 },
    );
    const plain = (value: object): object => JSON.parse(JSON.stringify(value)) as object;
    const who = fc.record({ teams: fc.uniqueArray(names), roles: fc.uniqueArray(names), subject: names });
    fc.assert(
      fc.property(given, who, fc.option(names), (all, identity, model) => {
        const parsed = policies(...all.map((p, i) => ({ id: `p${i}`, ...plain(p) })));
        const me: Identity = identityWith(identity);
        const meets = (p: Policy): boolean =>
          (!p.who.teams || p.who.teams.some(t => me.teams.includes(t))) &&
          (!p.who.roles || p.who.roles.some(r => me.roles.includes(r))) &&
          (!p.who.subjects || p.who.subjects.includes(me.subject)) &&
          (!p.endpoints || p.endpoints.includes("chat")) &&
          (!p.models || (model !== null && p.models.some(m => (m.endsWith("*") ? model.startsWith(m.slice(0, -1)) : m === model))));
        const expected = !parsed.some(p => p.effect === "deny" && meets(p)) && parsed.some(p => p.effect === "allow" && meets(p));
        expect(decide(compilePolicies(parsed), me, { endpoint: "chat", model }, noon).allowed).toBe(expected);
      }),
    );
  });

  test("of ten thousand policies a decision looks at those that name the identity and the model", () => {
    const i = index(
      ...Array.from({ length: 10_000 }, (_, n) => ({
        id: `p${n}`,
        effect: "allow",
        who: { teams: [`team-${n % 5000}`] },
        models: [`model-${n}`],
      })),
    );
    const looked = candidatePolicies(i, identityWith({ teams: ["team-7"] }), "model-5007").flat();
    expect(looked.map(p => p.id)).toEqual(["p5007"]);
  });
});

describe("parameters of a body", () => {
  const given = fc.oneof(
    fc.integer({ min: -2, max: 300 }),
    fc.double({ min: -2, max: 300, noNaN: true }),
    fc.constantFrom("50", true, null, [1], {}),
  );
  const bodies = fc.array(fc.dictionary(fc.constantFrom(...answerTokens), given), { minLength: 1, maxLength: 3 });
  const allows = (effect: "allow" | "deny", bound: object, parts: readonly Record<string, unknown>[]): boolean => {
    const rule = { id: "bound", effect, parameters: { max_tokens: bound } };
    const i = effect === "allow" ? index(rule) : index({ id: "all", effect: "allow" }, rule);
    return decide(i, identityWith(), { ...chat, parameters: parametersIn(parts) }, noon).allowed;
  };

  test("under no name and in no part does a body ask for more than a bound on max_tokens says", () => {
    fc.assert(
      fc.property(bodies, fc.integer({ min: 0, max: 300 }), (parts, edge) => {
        const all = parts.flatMap(part => Object.values(part)).filter(value => value !== null);
        const isMore = (value: unknown) => !(typeof value === "number" && value >= 0 && value <= edge);
        expect(allows("allow", { max: edge }, parts)).toBe(all.length > 0 && !all.some(isMore));
        const isMuch = (value: unknown) => !(typeof value === "number" && value >= 0 && value < edge);
        expect(allows("deny", { min: edge }, parts)).toBe(!all.some(isMuch));
      }),
    );
  });

  test("the other names of max_tokens are bounded by their own values, and what is nowhere given is within nothing", () => {
    const noLists = { messages: 0, tools: 0, stop: 0, "tools.type": [] };
    expect(parametersIn([{ max_tokens: 1, max_completion_tokens: 5, stop: ["x"], top_k: 3, path: "/x" }])).toEqual({
      ...noLists,
      stop: 1,
      max_tokens: 5,
      max_completion_tokens: 5,
      top_k: 3,
    });
    expect(parametersIn([{ max_completion_tokens: 5, n_predict: "all" }])).toEqual({
      ...noLists,
      max_tokens: Number.POSITIVE_INFINITY,
      max_completion_tokens: 5,
      n_predict: "all",
    });
    expect(parametersIn([{ max_tokens: null }, {}])).toEqual(noLists);
    expect(
      parametersIn([
        { n: 9, stream: true },
        { n: 1, stream: false },
      ]),
    ).toEqual({ ...noLists, n: 9, stream: false });
  });

  test("a list has as many entries as all its names and parts give, and what is no list is above every bound", () => {
    const entries = fc.array(fc.anything(), { maxLength: 6 });
    const given = fc.oneof(fc.constant(undefined), fc.constant(null), entries, fc.constantFrom("x", 1, { length: 0 }, true));
    fc.assert(
      fc.property(given, given, fc.integer({ min: 0, max: 12 }), (tools, functions, edge) => {
        const isList = [tools, functions].every(l => l === undefined || l === null || Array.isArray(l));
        const count = [tools, functions].reduce<number>((sum, l) => sum + (Array.isArray(l) ? l.length : 0), 0);
        const parameters = parametersIn([{ tools, functions }]);
        const few = index({ id: "few", effect: "allow", parameters: { tools: { max: edge } } });
        expect(decide(few, identityWith(), { ...chat, parameters }, noon).allowed).toBe(isList && count <= edge);
        const many = index({ id: "all", effect: "allow" }, { id: "many", effect: "deny", parameters: { tools: { min: edge + 1 } } });
        expect(decide(many, identityWith(), { ...chat, parameters }, noon).allowed).toBe(isList && count <= edge);
      }),
    );
    expect(parametersIn([{ stop: "x" }, { stop: ["a", "b"] }, { messages: [1, 2, 3] }])).toMatchObject({ stop: 2, messages: 3 });
  });

  test("of the words of a list an allowance needs all among its own, and a denial strikes for any", () => {
    const words = fc.array(fc.constantFrom("function", "web_search", "custom"), { maxLength: 3 });
    fc.assert(
      fc.property(words, fc.uniqueArray(fc.constantFrom("function", "web_search", "mcp"), { minLength: 1 }), (types, named) => {
        const parameters = parametersIn([{ tools: types.map(type => ({ type })) }]);
        const only = index({ id: "only", effect: "allow", parameters: { "tools.type": { oneOf: named } } });
        expect(decide(only, identityWith(), { ...chat, parameters }, noon).allowed).toBe(types.every(type => named.some(n => n === type)));
        const none = index({ id: "all", effect: "allow" }, { id: "none", effect: "deny", parameters: { "tools.type": { oneOf: named } } });
        expect(decide(none, identityWith(), { ...chat, parameters }, noon).allowed).toBe(!types.some(type => named.some(n => n === type)));
      }),
    );
    const typesOf = (tools: unknown) => parametersIn([{ tools }])["tools.type"];
    // the name alone, as OpenAI's legacy functions and Anthropic's tools have it; what is no tool is of no named kind
    expect([typesOf([{ name: "f" }]), typesOf([7]), typesOf([{ type: 7 }]), typesOf({ type: "function" })]).toEqual([
      "function",
      "",
      "",
      "",
    ]);
  });

  test("words inside a body are bounded where they stand, and what is left out is within a bound that says so alone", () => {
    const rule = (bound: object) => index({ id: "form", effect: "allow", parameters: { "response_format.type": bound } });
    const allows = (i: ReturnType<typeof index>, body: Record<string, unknown>) =>
      decide(i, identityWith(), { ...chat, parameters: parametersIn([body]) }, noon).allowed;
    const bodies = [{ response_format: { type: "text" } }, { response_format: { type: "json_schema" } }, { response_format: "text" }, {}];
    expect(bodies.map(body => allows(rule({ oneOf: ["text"] }), body))).toEqual([true, false, false, false]);
    expect(bodies.map(body => allows(rule({ oneOf: ["text"], orAbsent: true }), body))).toEqual([true, false, false, true]);
    const denied = index(
      { id: "all", effect: "allow" },
      { id: "none", effect: "deny", parameters: { seed: { min: 100, orAbsent: true } } },
    );
    expect([{}, { seed: 5 }, { seed: 100 }].map(body => allows(denied, body))).toEqual([false, true, false]);
    expect(parametersIn([{ text: { format: { type: "json_object" } }, reasoning: { effort: "low" }, tool_choice: "auto" }])).toMatchObject({
      "text.format.type": "json_object",
      "reasoning.effort": "low",
      tool_choice: "auto",
    });
    expect(parametersIn([{ tool_choice: { type: "function", function: { name: "f" } } }])).toMatchObject({ tool_choice: "function" });
  });
});

describe("configuration", () => {
  const sentence = (...given: object[]): string => {
    try {
      policies(...given);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  test("a policy that cannot be meant is refused at its place", () => {
    expect(sentence({ id: "a", effect: "permit" })).toMatch(/policies: \[0\]\.effect: expected one of allow, deny/);
    expect(sentence({ id: "a", effect: "allow", model: ["x"] })).toMatch(/Did you mean "models"/);
    expect(sentence({ id: "a", effect: "allow" }, { id: "a", effect: "deny" })).toMatch(
      /policies: \[1\]\.id: expected an id that no other policy has/,
    );
    expect(sentence({ id: "a", effect: "allow", models: ["g*t"] })).toMatch(/its beginning/);
    expect(sentence({ id: "a", effect: "allow", when: { timezone: "Mars/Olympus" } })).toMatch(/time zone/);
    expect(sentence({ id: "a", effect: "allow", when: { from: "08:00" } })).toMatch(/from and to/);
    expect(sentence({ id: "a", effect: "allow", parameters: { n: { max: Number.NaN } } })).toMatch(/max/);
    expect(sentence({ id: "a", effect: "allow", parameters: { n: {} } })).toMatch(/min, max or oneOf/);
  });

  test("a bound on a parameter that never reaches policies is refused with the nearest that does", () => {
    const bounding = (name: string) => sentence({ id: "a", effect: "deny", parameters: { [name]: { min: 1 } } });
    expect(bounding("max_token")).toMatch(/policies: \[0\]\.parameters\.max_token: .*Did you mean "max_tokens"/);
    expect(bounding("topk")).toMatch(/Did you mean "top_k"/);
    expect(bounding("__proto__x")).toMatch(/one of max_tokens, /);
    for (const name of [...bodyParameters, ...listParameters, ...wordParameters, ...addressParameters])
      expect([name, bounding(name)]).toEqual([name, ""]);
  });
});

describe("hours", () => {
  const at = (text: string): number => Date.parse(text);
  test("a night belongs to the day on which it began, by the clock of its zone", () => {
    const friday = { days: ["fri" as const], from: "22:00", to: "06:00", timezone: "Europe/Berlin" };
    // 27 November 2026 is a Friday; Berlin is an hour ahead of UTC.
    expect(isWithinHours(friday, at("2026-11-27T20:59:00Z"))).toBe(false);
    expect(isWithinHours(friday, at("2026-11-27T21:00:00Z"))).toBe(true);
    expect(isWithinHours(friday, at("2026-11-28T04:59:00Z"))).toBe(true);
    expect(isWithinHours(friday, at("2026-11-28T05:00:00Z"))).toBe(false);
    expect(isWithinHours(friday, at("2026-11-28T21:30:00Z"))).toBe(false);
  });

  test("in summer the same hours begin an hour of UTC earlier", () => {
    const office = { from: "08:00", to: "18:00", timezone: "Europe/Berlin" };
    expect(isWithinHours(office, at("2026-07-01T06:00:00Z"))).toBe(true);
    expect(isWithinHours(office, at("2026-12-01T06:00:00Z"))).toBe(false);
    expect(isWithinHours(office, at("2026-12-01T07:00:00Z"))).toBe(true);
  });

  test("hours begin and end at their minute, the last one without, by day and over midnight", () => {
    const seen = (hours: { from: string; to: string }, ...times: string[]) =>
      times.map(time => isWithinHours({ ...hours, timezone: "UTC" }, at(`2026-11-26T${time}Z`)));
    const times = ["08:29:59", "08:30:00", "17:44:59", "17:45:00"];
    expect(seen({ from: "08:30", to: "17:45" }, ...times)).toEqual([false, true, true, false]);
    expect(seen({ from: "17:45", to: "08:30" }, ...times)).toEqual([true, false, false, true]);
    // half-hour zones have other minutes than UTC
    const india = { from: "09:00", to: "17:00", timezone: "Asia/Kolkata" };
    expect(["03:29:59", "03:30:00"].map(time => isWithinHours(india, at(`2026-11-26T${time}Z`)))).toEqual([false, true]);
  });

  test("without hours every moment is within, or every moment of the days", () => {
    expect(isWithinHours({ timezone: "UTC" }, at("2026-11-26T12:00:00Z"))).toBe(true);
    const thursdays = { days: ["thu" as const], timezone: "UTC" };
    expect(["26", "27"].map(day => isWithinHours(thursdays, at(`2026-11-${day}T12:00:00Z`)))).toEqual([true, false]);
  });

  test("any moment is in exactly one of a stretch of hours and the rest of the day", () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([h, m]) => `${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`);
    fc.assert(
      fc.property(time, time, fc.integer({ min: 0, max: 365 * 86_400_000 }), (from, to, ms) => {
        fc.pre(from !== to);
        const now = Date.UTC(2026, 0, 1) + ms;
        expect(isWithinHours({ from, to, timezone: "UTC" }, now)).not.toBe(isWithinHours({ from: to, to: from, timezone: "UTC" }, now));
        expect(weekdays.filter(day => isWithinHours({ days: [day], from, to, timezone: "UTC" }, now)).length).toBe(
          isWithinHours({ from, to, timezone: "UTC" }, now) ? 1 : 0,
        );
      }),
    );
  });

  test("a policy begins and ends at its moments", () => {
    const trial = { timezone: "UTC", notBefore: "2026-11-01T00:00:00Z", notAfter: "2026-12-01T00:00:00+01:00" };
    expect(
      [at("2026-10-31T23:59:59Z"), at("2026-11-01T00:00:00Z"), at("2026-11-30T22:59:59Z"), at("2026-11-30T23:00:00Z")].map(ms =>
        isWithinHours(trial, ms),
      ),
    ).toEqual([false, true, true, false]);
  });
});
