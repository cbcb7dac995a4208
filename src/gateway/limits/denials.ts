/** Denials as answers: OpenAI's words and body, with what the limit is, what was asked and when to come back. */

import type { LineOutcome } from "./bucket-store.ts";
import type { Denial, LimitState } from "./contract.ts";
import { goDuration } from "./durations.ts";
import { limitHeaders, retryHeaders } from "./headers.ts";
import { quotaOf, type RuleLine, waitOf } from "./lines.ts";
import type { Measure } from "./measures.ts";

type Facts = Denial["denial"];

/** OpenAI's `type` of a limit that is met; the others are kinds of requests. */
const typeOf = (facts: Facts, measure: Measure | undefined): string => {
  if (facts.status === 503) return "server_error";
  if (facts.status === 413) return "invalid_request_error";
  if (facts.code === "insufficient_quota") return "insufficient_quota";
  return measure === "tokens" || measure === "inputTokens" || measure === "outputTokens" ? "tokens" : "requests";
};

export const denial = (facts: Facts, measure?: Measure): Denial => ({
  denial: facts,
  headers: () => ({ ...limitHeaders(facts.states), ...retryHeaders(facts.retryAfterMs) }),
  body: () => ({ error: { message: facts.message, type: typeOf(facts, measure), param: null, code: facts.code } }),
});

const unitOf: { readonly [M in Measure]: readonly [one: string, many: string] } = {
  requests: ["request", "requests"],
  inputTokens: ["input token", "input tokens"],
  outputTokens: ["output token", "output tokens"],
  tokens: ["token", "tokens"],
  concurrency: ["request at once", "requests at once"],
  bytes: ["byte", "bytes"],
  cost: ["", ""],
};

/** What somebody may still see of another's spending is a number, so only the limit and the demand are named. */
function sentence({ rule, line }: RuleLine, waitMs: number | null, currency: string): string {
  const amount = (x: number): string => {
    if (rule.measure === "cost") return `${(x / 1e9).toFixed(4)} ${currency}`;
    const whole = Math.ceil(x);
    return `${whole} ${unitOf[rule.measure][whole === 1 ? 0 : 1]}`;
  };
  const per =
    rule.window !== undefined ? ` in ${goDuration(rule.window)}` : rule.period && rule.period !== "total" ? ` a ${rule.period}` : "";
  const burst = rule.burst === undefined ? "" : `, ${amount(line.capacity)} at once`;
  const wanted = line.charge + line.hold;
  const head = `Limit "${rule.name}" is ${amount(quotaOf(rule))}${per}${burst}; this one may take ${amount(wanted)}`;
  if (wanted > line.capacity) {
    const isCount = rule.measure === "concurrency" || rule.measure === "requests";
    return `${head}, which is more than it ever allows. ${isCount ? "Ask for a higher limit." : "Send less input, or ask for fewer tokens (max_tokens)."}`;
  }
  return `${head}, and too little is left. ${waitMs === null ? "Ask for a higher limit." : `Try again in ${goDuration(waitMs)}.`}`;
}

/** Of the lines that did not fit, the one to wait longest for speaks. */
export function denialOf(
  lines: readonly RuleLine[],
  outcomes: readonly LineOutcome[],
  states: readonly LimitState[],
  nowMs: number,
  currency: string,
): Denial {
  const denied = lines
    .map((line, i) => ({ line, fits: outcomes[i]!.fits, waitMs: waitOf(line, outcomes[i]!, nowMs) }))
    .filter(d => !d.fits && d.line.rule.mode === "enforce");
  const longest = denied.reduce((a, b) => ((b.waitMs ?? Number.POSITIVE_INFINITY) > (a.waitMs ?? Number.POSITIVE_INFINITY) ? b : a));
  const { rule, line } = longest.line;
  const tooLarge = line.charge + line.hold > line.capacity && rule.measure !== "cost";
  return denial(
    {
      status: tooLarge ? 413 : 429,
      code: tooLarge
        ? "request_too_large"
        : rule.measure === "cost" || rule.period !== undefined
          ? "insufficient_quota"
          : "rate_limit_exceeded",
      limit: rule.name,
      message: sentence(longest.line, longest.waitMs, currency),
      retryAfterMs: longest.waitMs,
      states,
    },
    rule.measure,
  );
}
