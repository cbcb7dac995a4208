/**
 * The script that decides inside of Apigee (a JavaScript policy; ES5, no library): the policies of the plan as data, and the same rules over them as
 * `policy/decide.ts`. It also picks the server and tells it the model by its own name.
 */

import type { LimitRule } from "../../limits/rules.ts";
import { answerTokens } from "../../policy/parameters.ts";
import type { ModelRoute } from "../../routing/route.ts";
import type { Clause, Consumer, Gate, Plan } from "./plan.ts";
import { isConcerned } from "./request-limits.ts";

const decideText = `(function () {
  "use strict";

  var answerTokens = ${JSON.stringify(answerTokens)};

  function mostTokens(body) {
    var most, i, value;
    for (i = 0; i < answerTokens.length; i += 1) {
      value = body[answerTokens[i]];
      if (value !== undefined && value !== null) {
        if (typeof value !== "number" || value < 0) { value = Infinity; }
        if (most === undefined || value > most) { most = value; }
      }
    }
    return most;
  }

  function fits(clause, ask) {
    if (clause.models.indexOf(ask.called) < 0) { return false; }
    if (clause.labels && clause.labels.indexOf(ask.label === null ? "" : ask.label) < 0) { return false; }
    if (clause.dataClasses && clause.dataClasses.indexOf(ask.dataClass) < 0) { return false; }
    var name, bound, value;
    for (name in clause.parameters || {}) {
      bound = clause.parameters[name];
      value = name === "max_tokens" ? mostTokens(ask.body) : ask.body[name];
      if (typeof value !== "number" && typeof value !== "string" && typeof value !== "boolean") {
        if (bound.orAbsent) { continue; }
        return false;
      }
      if (bound.oneOf && bound.oneOf.indexOf(value) < 0) { return false; }
      if (bound.min !== undefined && !(typeof value === "number" && value >= bound.min)) { return false; }
      if (bound.max !== undefined && !(typeof value === "number" && value <= bound.max)) { return false; }
    }
    return !clause.when || within(clause.when, ask.nowMs);
  }

  function within(when, nowMs) {
    if (when.notBefore !== undefined && nowMs < when.notBefore) { return false; }
    if (when.notAfter !== undefined && nowMs >= when.notAfter) { return false; }
    var date = new Date(nowMs);
    var day = (date.getUTCDay() + 6) % 7;
    var minute = date.getUTCHours() * 60 + date.getUTCMinutes();
    function has(d) { return !when.days || when.days.indexOf(d) >= 0; }
    if (when.from === undefined) { return has(day); }
    if (when.from < when.to) { return has(day) && minute >= when.from && minute < when.to; }
    return (has(day) && minute >= when.from) || (has((day + 6) % 7) && minute < when.to);
  }

  function some(clauses, ask) {
    for (var i = 0; i < clauses.length; i += 1) { if (fits(clauses[i], ask)) { return true; } }
    return false;
  }

  function decide(policy, ask) {
    var audience = policy.audiences[policy.consumers[ask.consumer]];
    var gate = audience && audience[ask.path];
    return Boolean(gate) && !some(gate.deny, ask) && some(gate.allow, ask);
  }

  function pick(targets) {
    var sum = 0, i;
    for (i = 0; i < targets.length; i += 1) { sum += targets[i].weight; }
    var at = Math.random() * sum;
    for (i = 0; i < targets.length - 1; i += 1) {
      at -= targets[i].weight;
      if (at < 0) { return targets[i]; }
    }
    return targets[targets.length - 1];
  }

  function run() {
    var body = null;
    try { body = JSON.parse(context.getVariable("request.content")); } catch (e) { body = null; }
    if (body === null || typeof body !== "object" || Array.isArray(body) || typeof body.model !== "string") {
      context.setVariable("loam.verdict", "malformed");
      return;
    }
    var at = body.model.lastIndexOf("@");
    var ask = {
      consumer: String(context.getVariable("developer.app.name")),
      path: String(context.getVariable("proxy.pathsuffix")),
      called: at > 0 ? body.model.slice(0, at) : body.model,
      label: at > 0 ? body.model.slice(at + 1) : null,
      dataClass: context.getVariable("request.header.x-loam-data-class") || "",
      body: body,
      nowMs: Number(context.getVariable("system.timestamp"))
    };
    var route = Object.prototype.hasOwnProperty.call(policy.routes, ask.called) ? policy.routes[ask.called] : null;
    var isLabel = ask.label === null || /^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(ask.label);
    if (route === null || !isLabel || body.model.length > 256 || !decide(policy, ask)) {
      context.setVariable("loam.verdict", "denied");
      return;
    }
    var target = pick(route.targets);
    var model = ask.label === null ? target.model : target.model + "@" + ask.label;
    if (model !== body.model) {
      body.model = model;
      context.setVariable("request.content", JSON.stringify(body));
    }
    context.setVariable("loam.target", target.upstream);
    var name, limit, by;
    for (name in policy.limits) {
      limit = policy.limits[name];
      by = limit.of[ask.consumer];
      if (by !== undefined && (!limit.models || limit.models.indexOf(route.name) >= 0)) {
        if (limit.byModel) { by += "/" + route.name; }
        if (limit.byIp) { by += "/" + context.getVariable("client.ip"); }
        context.setVariable("loam.limit." + name, by);
      }
    }
    context.setVariable("loam.verdict", "allowed");
  }

  run();
}());
`;

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** Times as numbers, so that the script compares and does not parse. */
const plainWhen = (when: NonNullable<Clause["when"]>): object => ({
  ...(when.days ? { days: when.days.map(d => weekdays.indexOf(d)) } : {}),
  ...(when.from === undefined || when.to === undefined ? {} : { from: minuteOf(when.from), to: minuteOf(when.to) }),
  ...(when.notBefore === undefined ? {} : { notBefore: Date.parse(when.notBefore) }),
  ...(when.notAfter === undefined ? {} : { notAfter: Date.parse(when.notAfter) }),
});

/** What a limit counts by, for each caller whom it concerns. */
function limitData(rule: LimitRule, consumers: readonly Consumer[], models: readonly string[]): object {
  const of = (c: Consumer): string => {
    const { identity } = c;
    const values = {
      key: c.id,
      user: identity.subject,
      team: identity.teams[0] ?? "",
      organisation: identity.organisation ?? "",
      model: "",
      ip: "",
    };
    return [rule.name, ...rule.per.map(d => values[d])].filter(v => v !== "").join("/");
  };
  const matches = (pattern: string, name: string) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name);
  return {
    of: Object.fromEntries(
      consumers
        .filter(c => isConcerned(rule, c) && !(rule.per.includes("team") && c.identity.teams.length === 0))
        .filter(c => !(rule.per.includes("organisation") && c.identity.organisation === null))
        .map(c => [c.id, of(c)]),
    ),
    byModel: rule.per.includes("model"),
    byIp: rule.per.includes("ip"),
    ...(rule.for.models ? { models: models.filter(m => rule.for.models!.some(p => matches(p, m))) } : {}),
  };
}

/** As JavaScript is written: only those keys in quotes that need them. */
const literal = (data: unknown): string => JSON.stringify(data, null, 2).replace(/^( *)"([A-Za-z]\w*)": /gm, "$1$2: ");

interface ScriptGiven {
  readonly plan: Plan;
  readonly routes: ReadonlyMap<string, ModelRoute>;
  readonly limits: readonly LimitRule[];
  /** Undefined: the file's own upstreams. */
  readonly target: string | undefined;
}

/** The data, then the rules: two files of the bundle. */
export function scriptsOf({ plan, routes, limits, target }: ScriptGiven): { readonly policy: string; readonly decide: string } {
  const consumers = plan.audiences.flatMap(a => a.consumers);
  const plain = (all: readonly Clause[]) => all.map(({ policy: _, when, ...c }) => ({ ...c, ...(when ? { when: plainWhen(when) } : {}) }));
  const gates = (all: ReadonlyMap<string, Gate>) =>
    Object.fromEntries([...all].map(([path, gate]) => [path, { allow: plain(gate.allow), deny: plain(gate.deny) }]));
  const data = {
    consumers: Object.fromEntries(plan.audiences.flatMap(a => a.consumers.map(c => [c.id, a.id]))),
    audiences: Object.fromEntries(plan.audiences.map(a => [a.id, gates(a.gates)])),
    routes: Object.fromEntries(
      [...routes].map(([called, r]) => {
        const first = Math.min(...r.targets.map(t => t.priority));
        const targets =
          target === undefined ? r.targets.filter(t => t.priority === first) : [{ upstream: target, model: called, weight: 1 }];
        return [called, { name: r.name, targets: targets.map(({ upstream, model, weight }) => ({ upstream, model, weight })) }];
      }),
    ),
    limits: Object.fromEntries(
      limits.map(rule => [rule.name, limitData(rule, consumers, [...new Set([...routes.values()].map(r => r.name))])]),
    ),
  };
  return { policy: `var policy = ${literal(data)};\n`, decide: decideText };
}
