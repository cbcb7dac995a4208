/** `loam gateway requests`: requests of the last days from the journal, the newest first; or all that is known of one. */
import { defined } from "../../base/index.ts";
import type { JournalEntry } from "../../gateway/index.ts";
import { administered, findRequest } from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { numberOption, sinceOption, textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";

const place = "loam gateway requests";

function statusOf(options: Options): string | undefined {
  const text = textOption(options, "status");
  if (text === undefined || /^([1-5]\d\d|[45]xx|error)$/.test(text)) return text;
  throw wrongArgument(`${place}: --status`, "429, 4xx, 5xx or error", JSON.stringify(text));
}

/** One request, all that is known of it. */
export function showRequest({ out }: Context, r: JournalEntry): void {
  out.line(`  ${r.id}  ${r.time}  ${r.method} ${r.path}  ${r.status}${r.error === null ? "" : `  ${r.error}`}`);
  out.line(`    who       ${r.subject ?? "nobody"} (${r.key ?? "no key"})`);
  if (r.model !== null)
    out.line(
      `    model     ${r.model}${r.target === null ? "" : ` by ${r.target}`}${r.served === null ? "" : `, which calls itself ${r.served}`}`,
    );
  for (const [i, a] of r.attempts.entries()) out.line(`    attempt ${i + 1} ${a.target}: ${a.how} after ${a.ms} ms`);
  if (r.cache !== null) out.line(`    cache     ${r.cache}`);
  out.line(`    tokens    ${r.inputTokens} in${r.cachedTokens > 0 ? ` (${r.cachedTokens} cached)` : ""}, ${r.outputTokens} out`);
  out.line(
    `    time      ${r.ms} ms${r.firstMs === null ? "" : `, first byte after ${r.firstMs} ms`}${r.isStream ? ", a stream" : ""}${r.resumed > 0 ? `, gone on with ${r.resumed} times` : ""}`,
  );
  if (r.trace !== null) out.line(`    trace     ${r.trace}`);
  for (const w of r.warnings) out.line(`    limit     ${w}`);
  if (r.detail !== null) out.line(`    detail    ${r.detail}`);
}

export const gatewayRequests: VerbRun = async (context, [id], options) => {
  const { out } = context;
  const at = gatewayAt(context, options);
  if (id !== undefined) {
    const found = await findRequest(at, place, id, "the journal");
    for (const r of found) showRequest(context, r);
    return out.result({ requests: found });
  }
  const sinceMs = sinceOption(options, "gateway requests");
  const status = statusOf(options);
  const most = numberOption(options, "most", "gateway requests", { least: 1, most: 1_000, whole: true }) ?? 50;
  const given = (name: "key" | "subject" | "model") =>
    textOption(options, name) === undefined ? {} : { [name]: textOption(options, name)! };
  const filter = {
    ...given("key"),
    ...given("subject"),
    ...given("model"),
    most,
    ...defined({ sinceMs, status }),
  };
  const requests = await administered(at, place, a => a.requests(filter));
  if (requests.length === 0) out.line("  There are none.");
  for (const r of requests)
    out.line(
      `  ${r.time.slice(0, 19)}Z  ${r.id.padEnd(18)} ${String(r.status).padEnd(4)} ${(r.subject ?? "-").padEnd(14)} ${(r.model ?? "-").padEnd(18)} ${(r.target ?? "-").padEnd(24)} ${String(Math.round(r.ms)).padStart(6)} ms ${String(r.inputTokens).padStart(7)} in ${String(r.outputTokens).padStart(7)} out${r.error === null ? "" : `  ${r.error}`}`,
    );
  return out.result({ requests });
};
