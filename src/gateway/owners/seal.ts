/**
 * Ids of objects that an upstream's account stores, bound to their owner. Tenants share that account, so the gateway gives out each id encrypted for
 * one owner and one upstream, and opens only what it gave out. Nothing is kept: every replica with the same secrets opens the same ids, also after a
 * restart. Deterministic authenticated encryption as Rogaway and Shrimpton compose it (SIV, "Deterministic Authenticated-Encryption", 2006), with
 * HMAC-SHA-256 and AES-256-CTR: an id always gets the same form, whoever copies it learns nothing of the upstream's id, and a changed one does not open.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import type { IdPlace, ObjectSeal } from "../contract.ts";

const tagBytes = 16;
/** Longer ones are nobody's: the longest that are known have some 70 characters. */
const longestId = 512;
const longestSealed = 1024;
const prefixPattern = /^[A-Za-z]{1,16}[_-]/;
const prefixOf = (id: string): string => prefixPattern.exec(id)?.[0] ?? "";
const sealedPattern = /^[A-Za-z0-9_-]+$/;

interface Keys {
  readonly tag: Buffer;
  readonly text: Buffer;
  readonly idempotency: Buffer;
  readonly salt: Buffer;
}

/** Keys of their own for each use: the secret hashes API keys too. */
function keysOf(secret: string): Keys {
  const of = (use: string) => createHmac("sha256", secret).update(`loam stored objects: ${use}`).digest();
  return { tag: of("tag"), text: of("text"), idempotency: of("idempotency key"), salt: of("cache salt") };
}

const tagOf = ({ tag }: Keys, { upstream, owner }: IdPlace, id: string): Buffer =>
  createHmac("sha256", tag)
    .update(JSON.stringify([upstream, owner, id]))
    .digest()
    .subarray(0, tagBytes);

function sealed(keys: Keys, place: IdPlace, id: string): string {
  const tag = tagOf(keys, place, id);
  const cipher = createCipheriv("aes-256-ctr", keys.text, tag);
  return prefixOf(id) + Buffer.concat([tag, cipher.update(id, "utf8"), cipher.final()]).toString("base64url");
}

function opened(keys: Keys, place: IdPlace, text: string): string | undefined {
  const prefix = prefixOf(text);
  // an id without a first word may be sealed to something that looks as if it had one
  for (const from of new Set([prefix.length, 0])) {
    const bytes = Buffer.from(text.slice(from), "base64url");
    if (bytes.length <= tagBytes) continue;
    const tag = bytes.subarray(0, tagBytes);
    const decipher = createDecipheriv("aes-256-ctr", keys.text, tag);
    const id = Buffer.concat([decipher.update(bytes.subarray(tagBytes)), decipher.final()]).toString("utf8");
    // the last letter of base64 can be written in several ways: only one form opens
    if (timingSafeEqual(tagOf(keys, place, id), tag) && sealed(keys, place, id) === text) return id;
  }
  return undefined;
}

/** `secrets`: of the server, the newest first; what was sealed under an older one opens while it is there. */
export function objectSeal(secrets: readonly string[]): ObjectSeal {
  const all = secrets.map(keysOf);
  const newest = all[0]!;
  return {
    seal: (place, id) => (id === "" || id.length > longestId ? id : sealed(newest, place, id)),
    open(place, text) {
      if (text.length > longestSealed || !sealedPattern.test(text)) return undefined;
      for (const keys of all) {
        const id = opened(keys, place, text);
        if (id !== undefined) return id;
      }
      return undefined;
    },
    idempotencyKey: (owner, value) =>
      createHmac("sha256", newest.idempotency)
        .update(JSON.stringify([owner, value]))
        .digest("base64url"),
    cacheSalt: (owner, chosen) =>
      createHmac("sha256", newest.salt)
        .update(JSON.stringify([owner, chosen ?? null]))
        .digest("base64url"),
  };
}
