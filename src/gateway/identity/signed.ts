/**
 * Who has signed a request: its signature under the secret of the key that it names. What is done does not depend on what is wrong with the key: one
 * that is not known is looked up, opened and computed as one that is. The body is read when the signature has been found good, or first where
 * the request does not say its hash.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { isLoamError } from "../../base/index.ts";
import type { KeyInfo } from "../contract.ts";
import type { Authentication, Signed } from "./contract.ts";
import { invalid, unavailable } from "./credentials.ts";
import type { FoundSigning } from "./key-rows.ts";
import type { KeyStore } from "./key-store.ts";
import { newSigningSecret } from "./signing-secrets.ts";
import { canonicalRequest, isSignedWith, isUnsigned, readSignature, sha256Hex } from "./sigv4.ts";
import type { Sigv4 } from "./sigv4-part.ts";

interface SignatureOptions {
  readonly keys: Pick<KeyStore, "findSigning" | "seals">;
  readonly signatures: () => Sigv4 | undefined;
  readonly now: () => number;
}

/** `byKey`: whoever a key stands for, once it is known to be theirs. Errors: those of the body. */
export function bySignature(
  { keys, signatures, now }: SignatureOptions,
  byKey: (key: KeyInfo) => Authentication,
): (request: Signed) => Promise<Authentication> {
  const nobody = randomBytes(12).toString("hex");
  const decoy = { keyId: nobody, sealed: keys.seals.seal(newSigningSecret(), nobody) };

  /** What the request may be signed with: of an unknown key and one that has no secret any more, one that nobody has. */
  const secretsOf = (found: FoundSigning | null, nowMs: number) => {
    const live = (found?.secrets ?? []).filter(s => s.expiresMs === null || s.expiresMs > nowMs);
    const opened = live.flatMap(({ sealed }) => keys.seals.open(sealed, found!.key.id) ?? []);
    return {
      secrets: opened.length > 0 ? opened : [keys.seals.open(decoy.sealed, decoy.keyId)!],
      isLost: live.length > 0 && opened.length === 0,
    };
  };

  return async ({ wire, body }) => {
    const rules = signatures();
    if (!rules) return { refusal: invalid("a signature, and none are let in") };
    const nowMs = now();
    const signature = readSignature(wire, rules, nowMs);
    if (typeof signature === "string") return { refusal: invalid(signature) };
    const said = signature.payload ?? sha256Hex(await body());
    let found: FoundSigning | null;
    try {
      found = await keys.findSigning(signature.accessKeyId);
    } catch (error) {
      if (isLoamError(error)) return { refusal: unavailable(error.message) };
      throw error;
    }
    const request = canonicalRequest(wire, signature.headers, said);
    let isGood = false;
    const { secrets, isLost } = secretsOf(found, nowMs);
    for (const secret of secrets) if (isSignedWith(signature, request, secret)) isGood = true;
    if (!found) return { refusal: invalid("an access key id that is not known") };
    if (isLost) return { refusal: invalid(`the secret of key ${found.key.id} is sealed under another secret of the server`) };
    if (!isGood) return { refusal: invalid(`a signature that is not of key ${found.key.id}, or of another request`) };
    if (signature.payload !== undefined && !isUnsigned(said) && !isHashOf(said, await body()))
      return { refusal: invalid("a body that is not the signed one") };
    return byKey(found.key);
  };
}

const isHashOf = (said: string, body: Uint8Array): boolean => timingSafeEqual(Buffer.from(said), Buffer.from(sha256Hex(body)));
