/** `loam gateway explain`: which policy decides about a request of a key, which others were looked at, and which limits it would meet. */
import { administered } from "../gateway/administration.ts";
import { textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

export const gatewayExplain: VerbRun = async (context, [key = "", method = "", path = ""], options) => {
  const { out } = context;
  const model = textOption(options, "model") ?? null;
  const set = Array.isArray(options.set) ? options.set : [];
  const explained = await administered(context, options, "loam gateway explain", a => a.explain({ key, method, path, model, set }));
  const { identity, decision, considered, limits } = explained;
  out.line(`  ${decision.allowed ? "Allowed" : "Denied"}: ${decision.reason}`);
  out.line(
    `  ${identity.subject} (${identity.subjectKind}) teams: ${identity.teams.join(", ") || "-"}  roles: ${identity.roles.join(", ") || "-"}`,
  );
  for (const c of considered) out.line(`  ${c.applies ? "*" : " "} ${c.effect.padEnd(5)} ${c.policy.padEnd(24)} ${c.why}`);
  for (const l of limits)
    out.line(`    limit ${l.limit.padEnd(24)} ${l.capacity} in ${l.bucket}${l.mode === "shadow" ? " (shadow: denies nothing)" : ""}`);
  out.result({ ...explained });
};
