/** Policies in the order in which they stand, and why a request would be allowed or not. */
import { type FormEvent, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";
import type { GatewayExplanation as Explanation, GatewayKey as Key, GatewayPolicy as Policy } from "../generated/gateway.ts";
import { Icon } from "../parts/icons.tsx";
import { FailureNotice, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";
import { originOf } from "./principals.tsx";

const paths = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/messages", "/v1/models", "/v1/files"];

/** `at least 1 and at most 1024`, `json or text`. */
function boundOf(bound: unknown): string {
  const { min, max, oneOf } = bound as { readonly min?: number; readonly max?: number; readonly oneOf?: readonly unknown[] };
  const parts = [...(min === undefined ? [] : [`at least ${min}`]), ...(max === undefined ? [] : [`at most ${max}`])];
  return [...parts, ...(oneOf ? [oneOf.join(" or ")] : [])].join(" and ");
}

/** What a policy is about, in one line: `roles admin; endpoints chat; max_tokens at most 1024`. */
function aboutOf({ who, endpoints, models, labels, dataClasses, parameters, when }: Policy): string {
  const lists = { ...who, endpoints, models, labels, "data classes": dataClasses };
  const parts = Object.entries(lists).flatMap(([name, list]) => (list && list.length > 0 ? [`${name} ${list.join(", ")}`] : []));
  for (const [name, bound] of Object.entries(parameters ?? {})) parts.push(`${name} ${boundOf(bound)}`);
  if (when) parts.push(`when ${Object.values(when).flat().map(String).join(" ")}`);
  return parts.join("; ") || "everybody, everything";
}

const Policies = ({ of }: { readonly of: readonly Policy[] }) =>
  of.length === 0 ? (
    <p className="hint">There are none, so nobody may do anything.</p>
  ) : (
    <div className="table-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Effect</th>
            <th scope="col">For</th>
            <th scope="col">Stands in</th>
          </tr>
        </thead>
        <tbody>
          {of.map(p => (
            <tr key={p.id}>
              <th scope="row">{p.id}</th>
              <td>
                <span className={p.effect === "deny" ? "tag bad" : "tag strong"}>{p.effect}</span>
              </td>
              <td className="text">
                {aboutOf(p)}
                {p.reason !== undefined && <small className="hint"> {p.reason}</small>}
              </td>
              <td>{originOf(p)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );

/** Where it would go: the rule that says so, and the first servers that are asked. */
const Route = ({ of: { strategy, rule, targets } }: { readonly of: NonNullable<Explanation["route"]> }) => (
  <p className="hint">
    Goes {rule === null ? "by no rule" : `by the rule ${rule}`}, {strategy}, to{" "}
    {targets
      .filter(t => t.priority === targets[0]?.priority)
      .map(t => t.target)
      .join(", ")}
    .
  </p>
);

const Explained = ({ of: { decision, considered, limits, route } }: { readonly of: Explanation }) => (
  <div className="explained" role="status">
    <p>
      <span className={decision.allowed ? "tag strong" : "tag bad"}>{decision.allowed ? "allowed" : "denied"}</span> {decision.reason}
    </p>
    {considered.map(c => (
      <div key={c.policy} className={c.applies ? "gate" : "gate failed"}>
        <Icon name={c.applies ? "check" : "close"} />
        <code>
          {c.effect} {c.policy}
        </code>
        <p>{c.why}</p>
      </div>
    ))}
    {limits.length > 0 && <p className="hint">Limits that apply: {limits.map(l => l.limit).join(", ")}.</p>}
    {route && <Route of={route} />}
  </div>
);

interface AccessProps {
  readonly keys: readonly Key[];
  readonly models: readonly string[];
}

export function Access({ keys, models }: AccessProps) {
  const policies = useResource("gateway policies", gateway.policies);
  const [said, setSaid] = useState<Explanation | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const ask = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = (name: string) => String(form.get(name) ?? "").trim();
    const query = new URLSearchParams({ key: given("key"), path: given("path"), method: given("path") === "/v1/models" ? "GET" : "POST" });
    if (given("model") !== "") query.set("model", given("model"));
    for (const one of given("set").split(/[\s,]+/)) if (one !== "") query.append("set", one);
    try {
      setSaid(await gateway.explain(query, new AbortController().signal));
      setFailure(null);
    } catch (error) {
      setSaid(null);
      setFailure(failureOf(error));
    }
  };
  const live = keys.filter(k => k.state === "live");
  return (
    <section className="card" aria-label="Policies">
      <header className="card-head">
        <h2>Policies</h2>
        <p>Any that denies goes before any that allows; what none allows is denied.</p>
      </header>
      <Loaded resource={policies} what="policies">
        {({ data }) => <Policies of={data} />}
      </Loaded>
      <form className="explain" onSubmit={e => void ask(e)} aria-label="Explain">
        <label className="field">
          <span className="field-name">Would this key</span>
          <select name="key" required>
            {live.map(k => (
              <option key={k.id} value={k.id}>
                {k.name}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          <span className="field-name">be let in at</span>
          <select name="path">
            {paths.map(p => (
              <option key={p}>{p}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span className="field-name">for the model</span>
          <select name="model">
            {models.map(m => (
              <option key={m}>{m}</option>
            ))}
            <option value="">none</option>
          </select>
        </label>
        <label className="field">
          <span className="field-name">with</span>
          <input name="set" placeholder="max_tokens=200" autoComplete="off" />
        </label>
        <button type="submit" disabled={live.length === 0}>
          Explain
        </button>
      </form>
      {failure && <FailureNotice failure={failure} />}
      {said && <Explained of={said} />}
    </section>
  );
}
