/**
 * Texts of review cases at rest: AES-256-GCM under keys that are derived from the server's secrets (HKDF, RFC 5869), each text bound to its case
 * and what it is of it. The id of the key stands before it, so a new secret seals what comes and an old one opens what is there. Pseudonyms of
 * reviewers and tokens of appeals are HMACs under keys of their own.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { gatewayErrors } from "../errors.ts";

const nonceBytes = 12;
const tagBytes = 16;

/** What else may keep the texts: a key ring of the store's, a key service. */
export interface ReviewCipher {
  seal(text: string, context: string): string;
  /** Errors: gateway/secret where no key opens it. */
  open(sealed: string, context: string): string;
  /** Of a reviewer, the same for the same subject. */
  pseudonym(subject: string): string;
  /** By which the client of a case appeals. */
  appealToken(id: string): string;
}

interface Key {
  readonly id: string;
  readonly key: Buffer;
}

function keyOf(secret: string): Key {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "loam gateway review texts", 32));
  return { id: createHash("sha256").update("id").update(key).digest("hex").slice(0, 12), key };
}

const unopened = (context: string) =>
  gatewayErrors.fail("secret", {
    place: `review case ${context}`,
    expected: "the secret under which its text was encrypted",
    received: "others",
    hint: "Keep the secrets of before in the list of the gateway's secrets, behind the newest.",
  });

/** The first of the server's secrets seals; all open. */
export function reviewCipher(secrets: readonly string[]): ReviewCipher {
  const keys = secrets.map(keyOf);
  const newest = keys[0]!;
  // a new secret in front changes nobody's pseudonym: a reviewer would vote twice on a case
  const oldest = keys.at(-1)!;
  const mac = ({ key }: Key, use: string, text: string): Buffer => createHmac("sha256", key).update(`${use}\0${text}`).digest();
  return {
    seal(text, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", newest.key, nonce).setAAD(Buffer.from(`${newest.id}\0${context}`));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return `${newest.id}.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url")}`;
    },
    open(sealed, context) {
      const [id, body = ""] = sealed.split(".");
      const key = keys.find(k => k.id === id);
      const bytes = Buffer.from(body, "base64url");
      if (!key || bytes.length < nonceBytes + tagBytes) throw unopened(context);
      const decipher = createDecipheriv("aes-256-gcm", key.key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(`${key.id}\0${context}`)).setAuthTag(bytes.subarray(-tagBytes));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString("utf8");
      } catch {
        throw unopened(context);
      }
    },
    pseudonym: subject => `reviewer-${mac(oldest, "reviewer", subject).toString("base64url").slice(0, 12)}`,
    appealToken: id => mac(newest, "appeal", id).toString("base64url"),
  };
}
