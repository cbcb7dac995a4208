/** The answer of the first target that gives one, whole or as a stream, within the time that the client and the gateway allow. */
import { gatewayErrors } from "../../errors.ts";
import type { AdmittedRequest } from "../../http/admitted-request.ts";
import { chargedStream } from "../../http/charged.ts";
import type { Answer } from "../../http/exchange.ts";
import type { HeaderReader } from "../../http/node-request.ts";
import type { Attempts } from "../../routing/attempts.ts";
import { UpstreamFailure } from "../../upstreams/failure.ts";
import type { Stop } from "../../upstreams/stop.ts";
import { relayStream } from "../relay-stream.ts";
import { relayWhole } from "../relay-whole.ts";

/** Time after which the client has given up by itself, where it says so (the official clients do). */
const patienceMs = (headers: HeaderReader): number => {
  const seconds = Number(headers.get("x-stainless-timeout") ?? Number.NaN);
  return seconds > 0 ? seconds * 1000 : Number.POSITIVE_INFINITY;
};

/** Ends a request that has taken `mostMs`, of which `spentMs` are over. */
const timed = (stop: Stop, mostMs: number, spentMs = 0): NodeJS.Timeout =>
  setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `not whole after ${mostMs} ms`)), mostMs - spentMs);

/** Tells `end` when the answer has ended. Errors: UpstreamRefusal, gateway/upstream, gateway/timeout, gateway/unavailable, gateway/cancelled. */
export async function relay(x: AdmittedRequest & { readonly attempts: Attempts }): Promise<Answer> {
  const { attempts, exchange, stop, clock, cutters } = x;
  const { totalMs } = x.runtime.config;
  const patientMs = Math.min(totalMs, patienceMs(x.headers));
  const startMs = clock.monotonic();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let hasBegun = false;
  const over = () => {
    isOver = true;
    clearTimeout(timer);
    cutters.delete(stop);
  };
  cutters.add(stop);
  try {
    const answering = x.ask.isStream ? relayStream(x, over) : relayWhole(x);
    // undici writes a request behind what is done at once: then it is on its way, and this is done while the upstream works
    setImmediate(() => {
      if (isOver) return;
      timer = timed(stop, hasBegun ? totalMs : patientMs);
      exchange.reservation?.headerList();
    });
    const answer = await answering;
    if (!x.ask.isStream) over();
    hasBegun = true;
    // the official clients are patient until an answer begins: a stream that has begun may take what the gateway allows
    if (timer && !isOver && patientMs < totalMs) {
      clearTimeout(timer);
      timer = timed(stop, totalMs, clock.monotonic() - startMs);
    }
    return answer;
  } catch (error) {
    exchange.target = attempts.target;
    over();
    if (stop.reason?.kind !== "left") throw error;
    // a server has read the prompt, and was cut off from whatever it wrote
    if (attempts.target !== undefined) x.end({ status: 499, error: "gateway/cancelled", usage: chargedStream(x, undefined, 0) });
    throw gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
  }
}
