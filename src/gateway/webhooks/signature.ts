/**
 * Signatures as the Standard Webhooks specification (1.0) has them: HMAC-SHA256 over `ID.TIMESTAMP.BODY`, in the header `webhook-signature` as
 * `v1,BASE64`. The time is signed too, so that a message that was caught cannot be sent again later.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { gatewayErrors } from "../errors.ts";

/** The specification's least: 24 bytes. */
const leastBytes = 24;

/** Errors: gateway/secret. */
export function webhookKey(secret: string, place: string): Buffer {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
  if (key.length >= leastBytes) return key;
  throw gatewayErrors.fail("secret", {
    place,
    message: `a webhook's secret has at least ${leastBytes} bytes, this one has ${key.length}`,
    hint: "Make one: openssl rand -base64 32",
  });
}

const webhookSignature = (key: Buffer, id: string, seconds: number, body: string): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;

export const webhookHeaders = (key: Buffer, id: string, nowMs: number, body: string): Record<string, string> => {
  const seconds = Math.floor(nowMs / 1000);
  return { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": webhookSignature(key, id, seconds, body) };
};

/** A message that is older, or from the future by more, is not believed. */
const toleranceMs = 5 * 60_000;

/** What a receiver does: whether the body is ours and of now. Several signatures (while a secret is replaced) are separated by blanks. */
export function verifyWebhook(key: Buffer, header: (name: string) => string | null | undefined, body: string, nowMs = Date.now()): boolean {
  const id = header("webhook-id") ?? "";
  const seconds = Number(header("webhook-timestamp") ?? Number.NaN);
  if (id === "" || !Number.isInteger(seconds) || Math.abs(nowMs - seconds * 1000) > toleranceMs) return false;
  const expected = Buffer.from(webhookSignature(key, id, seconds, body));
  return (header("webhook-signature") ?? "").split(" ").some(given => {
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
}
