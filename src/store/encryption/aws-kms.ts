/**
 * Key encryption keys in AWS KMS, or a service that speaks its JSON protocol: `Encrypt` and `Decrypt` with the ring and the data key's id as encryption
 * context, signed by Signature Version 4. Credentials come from the usual variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN).
 */
import { createHmac } from "node:crypto";
import { z } from "zod";
import { sha256 } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import type { KeyService, WrapContext } from "./key-service.ts";

interface AwsKmsPlace {
  /** Key id, ARN or alias. */
  readonly key: string;
  readonly region: string;
  /** Default: AWS's own for the region. */
  readonly endpoint?: string | undefined;
}

const callTimeoutMs = 10_000;
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

interface SignedCall {
  readonly url: URL;
  readonly target: string;
  readonly body: string;
  readonly region: string;
  /** `20150830T123600Z`. */
  readonly at: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Headers of a call with its signature (AWS, "Create a signed AWS API request"). */
function signedHeaders({ url, target, body, region, at, environment }: SignedCall): Record<string, string> {
  const token = environment.AWS_SESSION_TOKEN;
  const headers: Record<string, string> = {
    "content-type": "application/x-amz-json-1.1",
    host: url.host,
    "x-amz-date": at,
    ...(token ? { "x-amz-security-token": token } : {}),
    "x-amz-target": `TrentService.${target}`,
  };
  const names = Object.keys(headers).sort();
  const canonical = ["POST", url.pathname, "", ...names.map(n => `${n}:${headers[n]}`), "", names.join(";"), sha256(body)].join("\n");
  const scope = `${at.slice(0, 8)}/${region}/kms/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${at}\n${scope}\n${sha256(canonical)}`;
  const key = scope.split("/").reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${environment.AWS_SECRET_ACCESS_KEY ?? ""}`);
  const signature = hmac(key, toSign).toString("hex");
  const { host: _, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${environment.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

/** Keys of AWS KMS. Errors: keyService, keyMissing, keyWrong. */
export function awsKms(
  at: AwsKmsPlace,
  environment: Readonly<Record<string, string | undefined>>,
  now: () => number = Date.now,
): KeyService {
  const url = new URL(at.endpoint ?? `https://kms.${at.region}.amazonaws.com/`);
  const place = `AWS KMS ${url.host}`;
  const ask = async <T>(target: string, input: object, schema: z.ZodType<T>): Promise<T> => {
    if (!environment.AWS_ACCESS_KEY_ID || !environment.AWS_SECRET_ACCESS_KEY)
      throw storeErrors.fail("keyService", {
        place,
        expected: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        received: "none",
        hint: "Set both variables.",
      });
    const body = JSON.stringify(input);
    const date = new Date(now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    let status: number;
    let text: string;
    try {
      const headers = signedHeaders({ url, target, body, region: at.region, at: date, environment });
      const response = await fetch(url, { method: "POST", headers, body, redirect: "error", signal: AbortSignal.timeout(callTimeoutMs) });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw storeErrors.fail(
        "keyService",
        {
          place,
          expected: `an answer to ${target}`,
          received: String((error as Error).cause ?? error),
          hint: "Check the network and the endpoint.",
        },
        error,
      );
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = {};
    }
    const result = schema.safeParse(parsed);
    if (status === 200 && result.success) return result.data;
    const kind = String((parsed as { __type?: unknown }).__type ?? `status ${status}`).replace(/.*#/, "");
    const code = /InvalidCiphertext|IncorrectKey/.test(kind)
      ? "keyWrong"
      : /NotFound|Disabled|KMSInvalidState/.test(kind)
        ? "keyMissing"
        : "keyService";
    throw storeErrors.fail(code, {
      place,
      expected: `${target} with key ${at.key}`,
      received: kind,
      hint: "Check the key's id, its state, and the credentials' rights.",
    });
  };
  const contextOf = (context: WrapContext) => ({ ring: context.ring, key: context.key });
  return {
    place,
    current: async () => at.key,
    list: async () => [at.key],
    async wrap(key, context) {
      const input = { KeyId: at.key, Plaintext: Buffer.from(key).toString("base64"), EncryptionContext: contextOf(context) };
      const answer = await ask("Encrypt", input, z.object({ CiphertextBlob: z.base64(), KeyId: z.string() }));
      return { kek: answer.KeyId, wrapped: answer.CiphertextBlob };
    },
    async unwrap({ kek, wrapped }, context) {
      const input = { KeyId: kek, CiphertextBlob: wrapped, EncryptionContext: contextOf(context) };
      return Buffer.from((await ask("Decrypt", input, z.object({ Plaintext: z.base64() }))).Plaintext, "base64");
    },
  };
}
