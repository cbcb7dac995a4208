/** AWS's own signer, for tests: a request as it would be sent, with the headers of its signature. */
import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { defined } from "../../base/index.ts";
import type { SignedWire } from "./contract.ts";

class Sha256 {
  readonly #state: { update(data: Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) this.#state = createHash("sha256");
    else {
      const bytes = typeof secret === "string" ? Buffer.from(secret) : ArrayBuffer.isView(secret) ? secret : new Uint8Array(secret);
      this.#state = createHmac("sha256", new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
  }

  update(data: Uint8Array): void {
    this.#state.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#state.digest());
  }

  reset(): void {}
}

export interface ToSign {
  readonly method?: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[]>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Signing {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region?: string;
  readonly service?: string;
  readonly atMs: number;
  /** False: the body's hash is signed and not sent along, as most of AWS's clients do it. */
  readonly saysHash?: boolean;
  readonly sessionToken?: string;
}

const queryText = (query: Readonly<Record<string, string | string[]>>): string =>
  Object.entries(query)
    .flatMap(([name, value]) => [value].flat().map(one => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`))
    .join("&");

/** As a client of AWS's would send it to `host`. */
export async function signedByAws(
  { method = "GET", path, query = {}, headers = {}, body }: ToSign,
  { accessKeyId, secretAccessKey, region = "us-east-1", service = "service", atMs, saysHash = true, sessionToken }: Signing,
  host = "example.amazonaws.com",
): Promise<SignedWire & { readonly headers: Readonly<Record<string, string>> }> {
  const signer = new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...defined({ sessionToken }) },
    sha256: Sha256,
    applyChecksum: saysHash,
  });
  const made = await signer.sign(
    {
      method,
      protocol: "http:",
      hostname: host,
      path,
      query: { ...query },
      headers: { host, ...headers },
      ...defined({ body }),
    },
    { signingDate: new Date(atMs) },
  );
  const text = queryText(query);
  return {
    method,
    target: text === "" ? path : `${path}?${text}`,
    rawHeaders: Object.entries(made.headers).flat(),
    headers: made.headers,
  };
}
