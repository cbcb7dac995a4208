/**
 * Secrets by which requests are signed. Whoever checks a signature needs the secret itself, so that, unlike an API key, it cannot be kept as a
 * hash: it is sealed with AES-256-GCM under a key derived from the server's secret (HKDF, RFC 5869) and bound to its key's id. Who has the
 * database alone has no secret; who has the server's secret too has them all.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomInt } from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;
const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const idLength = 16;

/** `LOAM` and 16 letters: in the place of a key's visible beginning. */
export const newAccessKeyId = (): string =>
  `LOAM${Array.from({ length: idLength }, () => idLetters[randomInt(idLetters.length)]).join("")}`;
export const isAccessKeyId = (prefix: string): boolean => /^LOAM[A-Z2-7]{16}$/.test(prefix);

/** In the form that `redact` (base) knows, so that it never stays in a sentence. */
export const newSigningSecret = (): string => `sk-loam-${randomBytes(32).toString("base64url")}`;

export interface Seals {
  seal(secret: string, keyId: string): string;
  /** Undefined where it was sealed under another secret of the server, for another key, or has been changed. */
  open(sealed: string, keyId: string): string | undefined;
}

/** The first of the server's secrets seals; all open. */
export function openSeals(serverSecrets: readonly string[]): Seals {
  const keys = serverSecrets.map(secret => Buffer.from(hkdfSync("sha256", secret, "", "loam gateway signing secrets", 32)));
  return {
    seal(secret, keyId) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", keys[0]!, nonce).setAAD(Buffer.from(keyId));
      const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed, keyId) {
      const bytes = Buffer.from(sealed, "base64url");
      if (bytes.length < nonceBytes + tagBytes) return undefined;
      for (const key of keys)
        try {
          const cipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
          cipher.setAAD(Buffer.from(keyId)).setAuthTag(bytes.subarray(-tagBytes));
          return Buffer.concat([cipher.update(bytes.subarray(nonceBytes, -tagBytes)), cipher.final()]).toString("utf8");
        } catch {
          // sealed under another one
        }
      return undefined;
    },
  };
}
