/**
 * W3C Trace Context (Recommendation, level 1): the caller's span as the headers `traceparent` and `tracestate` name it. What is malformed is
 * nobody's: it is neither taken for a parent nor passed on.
 */

export interface CallersSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

const form = /^\s*([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?\s*$/;
const isZero = (digits: string): boolean => /^0+$/.test(digits);

/** Version 00; later ones begin alike. */
export function readTraceparent(text: string | null | undefined): CallersSpan | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest = ""] = form.exec(text ?? "") ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== "") || isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Section 3.3.1.5: a vendor should pass on at least so much. */
const stateCharacters = 512;
const member =
  /^([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The list as it is, without white space between members; undefined where it is none, or longer than others have to take. */
export function readTracestate(text: string | null | undefined): string | undefined {
  if (!text) return undefined;
  const members = text
    .split(",")
    .map(m => m.trim())
    .filter(m => m !== "");
  const keys = new Set(members.map(m => m.split("=")[0]));
  const isRight = members.length > 0 && members.length <= 32 && keys.size === members.length && members.every(m => member.test(m));
  const state = members.join(",");
  return isRight && state.length <= stateCharacters ? state : undefined;
}
