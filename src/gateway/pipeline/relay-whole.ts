/** A whole answer, checked before its client sees any of it: what is none is asked for elsewhere. */
import { isUtf8 } from "node:buffer";
import { commonThresholdHeader, isRow, readUsage, type TokenUsage } from "../../protocols/index.ts";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { Api } from "../http/apis.ts";
import { chargedWhole } from "../http/charged.ts";
import type { Answer } from "../http/exchange.ts";
import { gatewayBounds } from "../http/limits.ts";
import { shadowCopy } from "../http/request-for.ts";
import type { Attempts } from "../routing/attempts.ts";
import { readWhole } from "../routing/read-answer.ts";
import { answerText } from "../routing/shadow.ts";
import { hasWritten, serverFault } from "../streams/progress.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { clientAnswer } from "./client-answer.ts";

interface CheckedAnswer {
  readonly text: string;
  readonly usage: TokenUsage | undefined;
  /** Nothing usable is said of what was written. */
  readonly isUncounted: boolean;
  readonly model: unknown;
}

/** A whole answer as text, and its usage. Errors: UpstreamFailure where a 200 is no answer. */
function checkedAnswer(bytes: Buffer, { answersLists }: Api): CheckedAnswer {
  // text goes to the socket in one piece with the headers; it is the same bytes only where they are UTF-8
  if (!isUtf8(bytes)) throw new UpstreamFailure("malformed", "a 200 whose body is no UTF-8");
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UpstreamFailure("malformed", "a 200 whose body is no JSON");
  }
  if (Array.isArray(value) && answersLists) return { text, usage: undefined, isUncounted: true, model: undefined };
  if (!isRow(value)) throw new UpstreamFailure("malformed", "a 200 whose body is no JSON object");
  const isOwn = value.object === "response" && !serverFault(value);
  const isError = (value.error !== undefined && value.error !== null && !isOwn) || value.object === "error";
  if (isError) throw new UpstreamFailure("errorObject", "an error object inside of a 200", { body: JSON.stringify(value.error ?? value) });
  const usage = readUsage(value.usage);
  // a response that failed has written what it says
  const isUncounted = usage === undefined ? value.status !== "failed" : usage.outputTokens === 0 && hasWritten(value);
  return { text, usage, isUncounted, model: value.model };
}

/** Who answered: Loam's server says its version in a header; others say a model in the body. */
const versionOf = ({ version }: Attempts, model: unknown): string | undefined =>
  version ?? (typeof model === "string" ? model.slice(0, gatewayBounds.modelCharacters) : undefined);

/** Of a classifier that Loam serves: the texts that its common threshold decided. */
function commonThreshold({ headers }: UpstreamReply): Readonly<Record<string, string>> {
  const count = headers.get(commonThresholdHeader);
  return count != null && /^\d{1,9}$/.test(count) ? { [commonThresholdHeader]: count } : {};
}

/** Errors: those of `Attempts.open`. */
export async function relayWhole(x: AdmittedRequest & { readonly attempts: Attempts }): Promise<Answer> {
  const { attempts, exchange, clock } = x;
  for (;;) {
    const source = await attempts.open();
    exchange.firstMs = clock.monotonic() - exchange.startMs;
    try {
      const come = readWhole(source.reply, gatewayBounds.answerBytes);
      const bytes = come instanceof Promise ? await come : come;
      const { text, usage, isUncounted, model } = checkedAnswer(bytes, x.ask.api);
      exchange.served = versionOf(attempts, model);
      source.end("answered");
      exchange.target = attempts.target;
      if (x.routes[0]!.shadow)
        shadowCopy(x)?.({
          text: answerText(text).text,
          ms: clock.monotonic() - exchange.startMs,
          firstMs: exchange.firstMs,
          outputTokens: usage?.outputTokens ?? 0,
        });
      x.end({ status: source.reply.status, usage: chargedWhole(x, usage, isUncounted) });
      return clientAnswer(x, source.reply.status, text, { "content-type": "application/json", ...commonThreshold(source.reply) });
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      source.reply.cancel();
      source.end(error.isFault ? "failed" : "unknown", error);
      if (!error.isRetryable) throw error;
    }
  }
}
