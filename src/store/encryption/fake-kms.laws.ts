/** A key service on this machine that speaks AWS KMS's JSON protocol, and checks its signature with its own reading of the rules. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { environmentKeys } from "./local-keys.ts";

export const fakeAccess = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "example-only", AWS_SESSION_TOKEN: "session" };

const sign = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

function isSigned(request: IncomingMessage, body: string, secret: string): boolean {
  const said = /Credential=([^/]+)\/(\d+)\/([^/]+)\/kms\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? "",
  );
  if (!said) return false;
  const [, , day, region, names, signature] = said;
  const lines = names!.split(";").map(name => `${name}:${request.headers[name]}\n`);
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  const canonical = `POST\n${request.url}\n\n${lines.join("")}\n${names}\n${hash(body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${request.headers["x-amz-date"]}\n${day}/${region}/kms/aws4_request\n${hash(canonical)}`;
  const key = sign(sign(sign(sign(`AWS4${secret}`, day!), region!), "kms"), "aws4_request");
  return sign(key, toSign).toString("hex") === signature;
}

/** Starts it with one key, `alias/loam`. */
export async function startFakeKms(): Promise<{ readonly url: string; readonly calls: string[]; stop(): Promise<void> }> {
  const keys = environmentKeys("K", { K: `loam:${randomBytes(32).toString("base64")}` });
  const arn = "arn:aws:kms:eu-central-1:111122223333:key/loam";
  const calls: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", text => {
      body += text;
    });
    request.on("end", async () => {
      const target = String(request.headers["x-amz-target"]);
      calls.push(target);
      const answer = (status: number, value: object) => response.writeHead(status).end(JSON.stringify(value));
      if (!isSigned(request, body, fakeAccess.AWS_SECRET_ACCESS_KEY))
        return answer(400, { __type: "com.amazon#InvalidSignatureException" });
      const input = JSON.parse(body);
      if (![arn, "alias/loam"].includes(input.KeyId)) return answer(400, { __type: "NotFoundException" });
      try {
        if (target === "TrentService.Encrypt") {
          const { wrapped } = await keys.wrap(Buffer.from(input.Plaintext, "base64"), input.EncryptionContext);
          return answer(200, { CiphertextBlob: wrapped, KeyId: arn, EncryptionAlgorithm: "SYMMETRIC_DEFAULT" });
        }
        const plain = await keys.unwrap({ kek: "loam", wrapped: input.CiphertextBlob }, input.EncryptionContext);
        return answer(200, { Plaintext: plain.toString("base64"), KeyId: arn });
      } catch {
        return answer(400, { __type: "InvalidCiphertextException" });
      }
    });
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, calls, stop: () => new Promise(done => server.close(() => done())) };
}
