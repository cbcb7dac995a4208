/** A passed request's answer as it comes, within the gateway's time; a batch once all of its requests are judged and have room. */
import { gatewayErrors } from "../../errors.ts";
import type { Answer, End } from "../../http/exchange.ts";
import { wholeBody } from "../../owners/passed-objects.ts";
import type { PassUnderWay } from "../../passthrough/answer.ts";
import type { Body } from "../../passthrough/body.ts";
import { beginBatch, passOn } from "../../passthrough/pass.ts";
import { failureError } from "../../routing/last-word.ts";
import { UpstreamFailure } from "../../upstreams/failure.ts";
import type { Stop } from "../../upstreams/stop.ts";
import type { ReadsWeb } from "../step.ts";

const nothing = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };

type Needed = ReadsWeb<"identity" | "url" | "pass" | "method" | "passed" | "runtime" | "stop" | "hangUp" | "cutters">;

/** Tells `end` when the answer has ended. Errors: gateway/upstream, timeout, unavailable, cancelled; of a batch those of its requests. */
export async function relayPassThrough(x: Needed): Promise<Answer> {
  const { pass, passed, runtime, stop, cutters, end } = x;
  const { totalMs } = runtime.config;
  const timer = setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `not whole after ${totalMs} ms`)), totalMs);
  cutters.add(stop);
  let isOver = false;
  const over = (): boolean => {
    clearTimeout(timer);
    cutters.delete(stop);
    const was = isOver;
    isOver = true;
    return was;
  };
  const { address, body, isRead, isBatch, objects } = passed;
  try {
    const whole = isRead ? await wholeBody(body.stream!) : undefined;
    const type = x.headers.get("content-type");
    const under: PassUnderWay = {
      ...x,
      upstream: runtime.upstream(pass.upstream),
      text: whole === undefined || address.kind === "open" ? whole : objects.body(whole, type, address.kind === "owned"),
      end: (how: End) => {
        if (!over()) end({ usage: nothing, ...how });
      },
    };
    return await (isBatch ? beginBatch : passOn)(under);
  } catch (error) {
    body.stream?.destroy();
    over();
    throw clientError(error, body, stop, pass.upstream);
  }
}

/** What the client is told of a request that has no answer. */
function clientError(error: unknown, body: Body, stop: Stop, upstream: string): unknown {
  if (stop.reason?.kind === "left") return gatewayErrors.fail("cancelled", { message: "the client left before its answer" }, error);
  if (body.failure) return body.failure;
  return error instanceof UpstreamFailure ? failureError(error, upstream) : error;
}
