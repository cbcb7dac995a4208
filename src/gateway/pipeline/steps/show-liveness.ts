import type { Answer } from "../../http/exchange.ts";
import { json } from "../../http/json-answer.ts";

/** The process answers. */
export function showLiveness(): Answer {
  return json({ status: "ok" });
}
