import type { Answer } from "../../http/exchange.ts";
import { json } from "../../http/json-answer.ts";
import { aloneSession } from "../../own/session.ts";

/** Without sessions of browsers everybody has the same. */
export function showSession(): Answer {
  return json(aloneSession);
}
