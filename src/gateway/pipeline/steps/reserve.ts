/** Room in the limits for all that the request may take, or none of it. */
import { reserveRoom } from "../../limits/reserve-room.ts";
import type { Adds, Reads } from "../step.ts";

/** `settle` charges it or gives it back. Errors: an answer of 429, 413 or 503 that the limits wrote. */
export function reserve({ gateway, exchange, subjects, demand }: Reads<"subjects" | "demand">): Adds | undefined | Promise<undefined> {
  const taken = reserveRoom(gateway.control.limits, gateway.metrics, subjects, demand);
  if (taken instanceof Promise)
    return taken.then(reservation => {
      exchange.reservation = reservation;
      return undefined;
    });
  exchange.reservation = taken;
  return undefined;
}
