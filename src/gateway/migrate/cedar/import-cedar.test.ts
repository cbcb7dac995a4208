/**
 * Cedar itself is the judge: whatever its own engine decides of a request over a random file, what was taken over allows nothing more; and where
 * nothing is among the differences, it decides the same.
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { check } from "../../../base/index.ts";
import type { Action } from "../../contract.ts";
import type { Identity } from "../../identity/contract.ts";
import { compilePolicies } from "../../policy/compile.ts";
import { decide } from "../../policy/decide.ts";
import { identityWith } from "../../policy/fakes.ts";
import { policiesPart } from "../../policy/rules.ts";
import { importCedar } from "./import-cedar.ts";

type Value = cedar.CedarValueJson;

/** A request in Cedar's words, as `cedar-words.ts` says them. */
function cedarDecides(source: string, identity: Identity, action: Action): { readonly allowed: boolean } {
  const uid = (type: string, id: string) => ({ type, id });
  const parents = [
    ...identity.teams.map(id => uid("Team", id)),
    ...identity.roles.map(id => uid("Role", id)),
    ...(identity.organisation === null ? [] : [uid("Organisation", identity.organisation)]),
  ];
  const principal = uid(identity.subjectKind === "user" ? "User" : "ServiceAccount", identity.subject);
  const resource = action.model === null ? uid("Gateway", "gateway") : uid("Model", action.model);
  const value = ([name, given]: [string, unknown]): [string, Value] => [
    name,
    name === "temperature" ? { __extn: { fn: "decimal", arg: (given as number).toFixed(4) } } : (given as Value),
  ];
  const context = Object.fromEntries([
    ...Object.entries(action.parameters ?? {}).map(value),
    ...(action.label ? [["label", action.label] as [string, Value]] : []),
    ...(action.dataClass ? [["dataClass", action.dataClass] as [string, Value]] : []),
  ]);
  const answer = cedar.isAuthorized({
    principal,
    action: uid("Action", action.endpoint),
    resource,
    context,
    policies: { staticPolicies: source },
    entities: [
      { uid: principal, attrs: {}, parents },
      { uid: resource, attrs: action.model === null ? {} : { name: action.model }, parents: [] },
    ],
  });
  if (answer.type === "failure") throw new Error(`${JSON.stringify(answer.errors)}\n${source}`);
  return { allowed: answer.response.decision === "allow" };
}

const loamDecides = (policies: readonly object[], identity: Identity, action: Action): boolean =>
  decide(compilePolicies(check(policiesPart, policies, "policies")), identity, action, 0).allowed;

const names = fc.constantFrom("a", "b", "ab");
const entity = (...types: string[]) => fc.tuple(fc.constantFrom(...types), names).map(([type, id]) => `${type}::"${id}"`);
const setOf = (one: fc.Arbitrary<string>) => fc.uniqueArray(one, { minLength: 1, maxLength: 3 }).map(all => `[${all.join(", ")}]`);
const number = fc.integer({ min: -1, max: 4 }).map(String);
const sign = fc.constantFrom("<", "<=", ">", ">=", "==", "!=");
const quoted = names.map(n => `"${n}"`);
const optional = fc.constantFrom("n", "seed", "stream", "reasoning_effort", "label", "dataClass", "temperature");

/** What has an exact counterpart on at least one of its sides. */
const atom = fc.oneof(
  fc.constantFrom("true", "false", "context.stream", "context.stream == true", "context.stream != false", "resource is Model"),
  entity("Team", "Role", "Organisation", "User", "ServiceAccount").map(e => `principal in ${e}`),
  entity("User", "ServiceAccount").map(e => `principal == ${e}`),
  entity("User").map(e => `${e} != principal`),
  setOf(entity("Team", "Role")).map(e => `principal in ${e}`),
  fc.constantFrom('action == Action::"chat"', 'action != Action::"chat"', 'action in [Action::"chat", Action::"models"]'),
  entity("Model").map(e => `resource == ${e}`),
  setOf(entity("Model")).map(e => `resource in ${e}`),
  quoted.map(n => `resource.name == ${n}`),
  fc.constantFrom('resource.name like "a*"', 'resource.name like "ab*"', 'resource.name like "*"'),
  fc.tuple(fc.constantFrom("n", "seed"), sign, number).map(([name, how, n]) => `context.${name} ${how} ${n}`),
  fc.tuple(number, sign).map(([n, how]) => `${n} ${how} context.n`),
  setOf(number).map(all => `${all}.contains(context.n)`),
  quoted.map(n => `context.reasoning_effort == ${n}`),
  setOf(quoted).map(all => `${all}.contains(context.label)`),
  quoted.map(n => `context.dataClass == ${n}`),
  fc
    .tuple(fc.constantFrom("lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"), fc.constantFrom("0.5", "1.25"))
    .map(([how, edge]) => `context.temperature.${how}(decimal("${edge}"))`),
  optional.map(name => `context has ${name}`),
  fc.tuple(fc.constantFrom("n", "seed"), number).map(([name, n]) => `context has ${name} && context.${name} <= ${n}`),
  fc.tuple(fc.constantFrom("n", "seed"), number).map(([name, n]) => `!(context has ${name}) || context.${name} <= ${n}`),
);
/** And what has none. */
const strange = fc.constantFrom(
  "principal is User",
  'principal is User in Team::"a"',
  "principal.age > 3",
  'resource.name like "*b"',
  "context.n + 1 < 3",
  'context.label like "a*"',
  'resource in ModelFamily::"a"',
  "context == {}",
  '["a"].containsAll([context.label])',
  'action in Action::"view"',
  'principal == Robot::"a"',
);
const { condition } = fc.letrec<{ condition: string }>(tie => ({
  condition: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 8, arbitrary: atom },
    { weight: 1, arbitrary: strange },
    { weight: 2, arbitrary: tie("condition").map(a => `!(${a})`) },
    {
      weight: 3,
      arbitrary: fc.tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition")).map(([a, how, b]) => `(${a}) ${how} (${b})`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(tie("condition"), tie("condition"), tie("condition")).map(([a, b, c]) => `if ${a} then ${b} else ${c}`),
    },
  ),
}));
const scope = fc.record({
  principal: fc.oneof(
    fc.constant("principal"),
    entity("Team", "Role", "User").map(e => `principal in ${e}`),
    entity("User", "ServiceAccount").map(e => `principal == ${e}`),
  ),
  action: fc.constantFrom("action", 'action == Action::"chat"', 'action in [Action::"chat", Action::"embeddings"]'),
  resource: fc.oneof(
    fc.constantFrom("resource", "resource is Model"),
    entity("Model").map(e => `resource == ${e}`),
  ),
});
const policy = fc
  .record({
    effect: fc.constantFrom("permit", "permit", "forbid"),
    scope,
    when: fc.option(condition, { nil: undefined }),
    unless: fc.option(condition, { nil: undefined, freq: 3 }),
  })
  .map(({ effect, scope: s, when, unless }) =>
    [
      `${effect} (${s.principal}, ${s.action}, ${s.resource})`,
      ...(when === undefined ? [] : [`when { ${when} }`]),
      ...(unless === undefined ? [] : [`unless { ${unless} }`]),
    ].join("\n"),
  )
  .map(text => `${text};`);
const file = fc.array(policy, { minLength: 1, maxLength: 4 }).map(all => all.join("\n\n"));

const some = fc.uniqueArray(names, { maxLength: 2 });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const request = fc
  .record({
    identity: fc.record({
      subject: names,
      teams: some,
      roles: some,
      organisation: fc.option(names),
    }),
    endpoint: fc.constantFrom("chat", "embeddings", "models", "admin"),
    model: fc.option(names),
    label: fc.option(names),
    dataClass: fc.option(names),
    parameters: fc.record({
      n: maybe(fc.integer({ min: -2, max: 5 })),
      seed: maybe(fc.integer({ min: -2, max: 5 })),
      stream: maybe(fc.boolean()),
      reasoning_effort: maybe(names),
      temperature: maybe(fc.constantFrom(0, 0.5, 0.75, 1.25, 2)),
    }),
  })
  .map(({ identity, parameters, ...action }) => ({
    // an account is of one kind: that of its name here
    identity: identityWith({ ...identity, subjectKind: identity.subject === "b" ? "serviceAccount" : "user" }),
    action: { ...action, parameters: JSON.parse(JSON.stringify(parameters)) } as Action,
  }));

/** Policies here name an account, not its kind: files call each by the kind that it is of. */
const files = file.map(text => text.replace(/User::"b"/g, 'ServiceAccount::"b"').replace(/ServiceAccount::"(ab?)"/g, 'User::"$1"'));

describe("what is taken over from Cedar", () => {
  test("allows nothing that Cedar denies; where no difference is listed it decides as Cedar does", () => {
    const seen = { exact: 0, differing: 0, allowed: 0 };
    fc.assert(
      fc.property(files, fc.array(request, { minLength: 8, maxLength: 8 }), (source, requests) => {
        const { policies, differences } = importCedar(source, "p.cedar");
        const isExact = differences.every(d => d.what === "never");
        seen[isExact ? "exact" : "differing"]++;
        for (const { identity, action } of requests) {
          const [here, there] = [loamDecides(policies, identity, action), cedarDecides(source, identity, action).allowed];
          if (here) seen.allowed++;
          if (isExact ? here !== there : here && !there)
            throw new Error(JSON.stringify({ here, there, source, policies, differences, identity, action }, null, 1));
        }
      }),
      { numRuns: 400 },
    );
    // both kinds of file were there, and requests that pass
    expect(Math.min(seen.exact, seen.differing, seen.allowed)).toBeGreaterThan(rounds(50));
  }, 120_000);

  test("whatever Cedar can read can be read here", () => {
    const pieces = fc.constantFrom(
      "permit",
      "(principal, action, resource)",
      "when {",
      "}",
      ";",
      "context.n",
      "<",
      "1",
      '"a"',
      "&&",
      "!",
      "[",
      "]",
      'User::"a"',
      "has",
      "if",
      "// c\n",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), fc.option(condition), (words, inside) => {
        const source =
          inside === null ? words.join(" ") : `permit (principal, action, resource) when { ${inside} ${words.slice(0, 1).join("")} };`;
        const there = cedar.checkParsePolicySet({ staticPolicies: source }).type === "success";
        let here = true;
        try {
          importCedar(source, "p.cedar");
        } catch {
          here = false;
        }
        if (there) expect([source, here]).toEqual([source, true]);
      }),
      { numRuns: 500 },
    );
  });

  test("ids and reasons are the annotations', alternatives are policies of their own, and all of them are good here", () => {
    const source = `
      // who writes
      @id("writers")
      permit (principal in Role::"writer", action == Action::"chat", resource)
      when { resource.name like "gpt-*" || context.max_tokens <= 1024 };
      @id("No Good Id") @reason("frozen until the audit")
      forbid (principal in Team::"research", action, resource == Model::"mail");
      permit (principal in Role::"admin", action == Action::"admin", resource);`;
    const { policies, differences } = importCedar(source, "p.cedar");
    expect(differences).toEqual([
      { place: "p.cedar:3 (writers)", what: "narrower", why: expect.stringContaining('resource.name like "gpt-*"') },
    ]);
    expect(policies).toEqual([
      { id: "writers", effect: "allow", who: { roles: ["writer"] }, endpoints: ["chat"], models: ["gpt-*"] },
      { id: "cedar-2", effect: "deny", who: { teams: ["research"] }, models: ["mail"], reason: "frozen until the audit" },
      { id: "cedar-3", effect: "allow", who: { roles: ["admin"] }, endpoints: ["admin"] },
    ]);
    check(policiesPart, policies, "policies");
  });

  test("a parameter that may be left out is one bound", () => {
    const source = "permit (principal, action, resource) when { !(context has max_tokens) || context.max_tokens <= 100 };";
    expect(importCedar(source, "p").policies).toEqual([
      { id: "cedar-1", effect: "allow", parameters: { max_tokens: { max: 100, orAbsent: true } } },
    ]);
  });

  test("a forbid that cannot be said forbids more, and a permit nothing; both are told", () => {
    const source = `permit (principal is User, action, resource);
forbid (principal, action, resource == Model::"m") unless { principal in Role::"admin" };
forbid (principal == ?principal, action, resource);
permit (principal, action, resource == Model::"a*");`;
    const { policies, differences } = importCedar(source, "p.cedar");
    expect(policies).toEqual([
      { id: "cedar-2", effect: "deny", models: ["m"] },
      { id: "cedar-3", effect: "deny" },
    ]);
    expect(differences.map(d => [d.place, d.what, d.why])).toEqual([
      ["p.cedar:1", "narrower", "it is left out: principal is User"],
      ["p.cedar:2", "stricter", 'it denies more now, without: principal in Role::"admin"'],
      ["p.cedar:3", "stricter", "it denies everything to everybody now, without: principal == ?principal"],
      ["p.cedar:4", "narrower", 'it is left out: resource == Model::"a*"'],
    ]);
  });

  test("types are those of the namespace that is named, and no others", () => {
    const source = 'permit (principal == Acme::User::"ann", action == Acme::Action::"chat", resource);';
    expect(importCedar(source, "p", "Acme").policies).toEqual([
      { id: "cedar-1", effect: "allow", who: { subjects: ["ann"] }, endpoints: ["chat"] },
    ]);
    expect(importCedar(source, "p").policies).toEqual([]);
    expect(importCedar('permit (principal == User::"ann", action, resource);', "p", "Acme").policies).toEqual([]);
  });

  test("what is no Cedar is refused at its line and column, and deep or endless files do no harm", () => {
    const refused = (source: string) => {
      try {
        importCedar(source, "p.cedar");
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused("permit (principal, action, resource)")).toMatch(/^p\.cedar:1:37: expected ";", got the end of the file/);
    expect(refused("\npermit (principal, actoin, resource);")).toMatch(/^p\.cedar:2:20: expected "action", got "actoin"/);
    expect(refused("permit (principal, action, resource) when { context.n ~ 1 };")).toMatch(/p\.cedar:1:55.*got "~"/);
    const all = "permit (principal, action, resource) when";
    expect(refused(`${all} { ${"(".repeat(100_000)}`)).toMatch(/levels of nesting/);
    expect(refused(`${all} { ${"!".repeat(100_000)}true };`)).toMatch(/levels of nesting/);
    expect(refused(`${all} { ${"true && ".repeat(100_000)}true };`)).toMatch(/terms/);
    const wide = Array.from({ length: 40 }, (_, i) => `(context.n == ${i} || context.seed == ${i})`).join(" && ");
    expect(importCedar(`${all} { ${wide} };`, "p").policies).toEqual([]);
  });
});
