/** The request goes to servers from here on: it holds the configuration's servers until it has ended, and is told when its client leaves. */
import type { End } from "../../http/exchange.ts";
import { stopOnClose } from "../client-connection.ts";
import type { Adds, Reads } from "../step.ts";

export function enter(x: Reads<never>): Adds<"runtime" | "stop" | "hangUp" | "clock" | "shadows" | "cutters"> {
  const { gateway, request, peer, end } = x;
  const { runtime, clock, shadows, cutters } = gateway;
  runtime.enter();
  let isLeft = false;
  const leave = () => {
    if (isLeft) return;
    isLeft = true;
    runtime.leave();
  };
  return {
    runtime,
    clock,
    shadows,
    cutters,
    stop: stopOnClose(request, peer),
    hangUp: peer?.outgoing ? () => peer.outgoing?.destroy() : undefined,
    end: (how: End) => {
      leave();
      end(how);
    },
    onFailure: leave,
  };
}
