/** A whole answer in the coding that its client accepts: gzip or deflate, as `Accept-Encoding` says, else plain. */
import { promisify } from "node:util";
import { deflate, gzip } from "node:zlib";
import type { AppContext } from "../exchange.ts";

const encoders = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;

/** The first of ours that is accepted with the greatest weight. */
function acceptedCoding(header: string | undefined): keyof typeof encoders | undefined {
  const weights = new Map(
    (header ?? "")
      .toLowerCase()
      .split(",")
      .slice(0, 16)
      .map(part => {
        const [name = "", ...parameters] = part.split(";").map(p => p.trim());
        const q = parameters.find(p => p.startsWith("q="));
        return [name, q === undefined ? 1 : Number(q.slice(2))] as const;
      }),
  );
  const names = ["gzip", "deflate"] as const;
  const [best] = names.filter(name => (weights.get(name) ?? 0) > 0).sort((a, b) => weights.get(b)! - weights.get(a)!);
  return best;
}

export async function encodedAnswer(
  c: AppContext,
  bytes: Buffer<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const coding = acceptedCoding(c.req.header("accept-encoding"));
  if (coding === undefined) return new Response(bytes, { headers });
  const encoded = await encoders[coding](bytes);
  return new Response(new Uint8Array(encoded), { headers: { ...headers, "content-encoding": coding, vary: "accept-encoding" } });
}
