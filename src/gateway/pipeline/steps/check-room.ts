import type { Reads } from "../step.ts";

/** Memory is bounded whatever the limits say. Errors: gateway/unavailable. */
export function checkRoom({ gateway }: Reads<never>): undefined {
  gateway.checkRoom();
}
