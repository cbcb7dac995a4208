/** `loam gateway explain`: which policy decides about a request of a key, which limits it would meet, and which rule says where it goes. */
import { administered } from "../../project/gateway/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { listOption, numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

/** Of a target, by its state for this key. */
const states = {
  available: "available",
  full: "its connections are in use: requests wait",
  resting: "rests after a 429 or an outlier check",
  breakerOpen: "its circuit breaker is open for this key",
  unreachable: "its server cannot be reached",
  unhealthy: "its server fails the health probe",
} as const satisfies Record<string, string>;

export const gatewayExplain: VerbRun = async (context, [key = "", method = "", path = ""], options) => {
  const { out } = context;
  const model = textOption(options, "model") ?? null;
  const tokens = numberOption(options, "tokens", "gateway explain", { least: 0, most: 1_000_000_000, whole: true });
  const asked = { key, method, path, model, set: listOption(options, "set"), header: listOption(options, "header"), tokens };
  const explained = await administered(gatewayAt(context, options), "loam gateway explain", a => a.explain(asked));
  const { identity, decision, considered, limits, route } = explained;
  out.line(`  ${decision.allowed ? "Allowed" : "Denied"}: ${decision.reason}`);
  out.line(
    `  ${identity.subject} (${identity.subjectKind}) teams: ${identity.teams.join(", ") || "-"}  roles: ${identity.roles.join(", ") || "-"}`,
  );
  for (const c of considered) out.line(`  ${c.applies ? "*" : " "} ${c.effect.padEnd(5)} ${c.policy.padEnd(24)} ${c.why}`);
  for (const l of limits)
    out.line(`    limit ${l.limit.padEnd(24)} ${l.capacity} in ${l.bucket}${l.mode === "shadow" ? " (shadow: denies nothing)" : ""}`);
  if (route) {
    const chosen = route.rule === null ? "no rule" : `rule ${route.rule}`;
    out.line(`  Goes by ${route.strategy}, ${chosen}${route.rules.length > 0 ? ` (of ${route.rules.length} looked at)` : ""}, to`);
    for (const t of route.targets)
      out.line(`    ${t.target.padEnd(30)} weight ${t.weight}  priority ${t.priority}${t.state === null ? "" : `  ${states[t.state]}`}`);
    if (route.fallbacks.length > 0) out.line(`    then the models ${route.fallbacks.join(", ")}`);
  }
  out.result({ ...explained });
};
