import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { Answer } from "../http/exchange.ts";
import { ignoredFields } from "./ignored-fields.ts";

/** An answer of a target, with what all of them carry: the target, fields that it was not told, the limits. */
export function clientAnswer(x: AdmittedRequest, status: number, body: Answer["body"], headers: Record<string, string>): Answer {
  const { reservation, target } = x.exchange;
  if (target !== undefined) headers["x-loam-target"] = target;
  Object.assign(headers, ignoredFields(x, target));
  return reservation ? { status, body, headers, more: reservation.headerList() } : { status, body, headers };
}
