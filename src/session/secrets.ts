/** Random secrets, and how they are kept and compared: only their hashes stay in memory, and no comparison takes longer for a better guess. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 bits: beyond guessing, whatever the rate. */
const secretBytes = 32;

export const newSessionSecret = (prefix: string): string => `${prefix}${randomBytes(secretBytes).toString("base64url")}`;

export const secretHash = (secret: string): string => createHash("sha256").update(secret).digest("base64url");

/** In constant time: both sides are hashed first, so that their lengths are equal. */
export function isSameSecret(a: string, b: string): boolean {
  const [x, y] = [a, b].map(text => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(x, y);
}
