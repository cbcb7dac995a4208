/** A collector for tests: takes OTLP's traces over HTTP in JSON, as the OpenTelemetry protocol publishes it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

const value = z.object({
  stringValue: z.string().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
  doubleValue: z.number().optional(),
  boolValue: z.boolean().optional(),
  arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string() })) }).optional(),
});
const attributes = z.array(z.object({ key: z.string(), value }));
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const nanoseconds = z.string().regex(/^\d+$/);

const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: hex(32),
              spanId: hex(16),
              parentSpanId: hex(16).optional(),
              name: z.string(),
              kind: z.number(),
              startTimeUnixNano: nanoseconds,
              endTimeUnixNano: nanoseconds,
              attributes,
              status: z.object({ code: z.number(), message: z.string().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

const plain = (of: z.output<typeof attributes>): Record<string, unknown> =>
  Object.fromEntries(
    of.map(({ key, value: v }) => [
      key,
      v.stringValue ??
        v.doubleValue ??
        v.boolValue ??
        (v.arrayValue ? v.arrayValue.values.map(x => x.stringValue) : v.intValue === undefined ? null : Number(v.intValue)),
    ]),
  );

export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Bodies as they came. */
  readonly bodies: string[];
}

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    const isOtlp = incoming.url === "/v1/traces" && incoming.headers["content-type"] === "application/json";
    const read = isOtlp ? request.safeParse(JSON.parse(body)) : undefined;
    if (!read?.success) {
      outgoing.writeHead(400).end(read ? read.error.message : "not OTLP over HTTP in JSON");
      return;
    }
    bodies.push(body);
    for (const { resource, scopeSpans } of read.data.resourceSpans)
      for (const { parentSpanId, startTimeUnixNano, endTimeUnixNano, attributes: own, status, ...span } of scopeSpans.flatMap(s => s.spans))
        spans.push({
          ...span,
          parentSpanId,
          startNs: BigInt(startTimeUnixNano),
          endNs: BigInt(endTimeUnixNano),
          attributes: plain(own),
          status: status.code,
          resource: plain(resource.attributes),
        });
    outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
