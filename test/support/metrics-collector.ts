/** A collector for tests: takes OTLP's metrics over HTTP in JSON, as the OpenTelemetry protocol publishes it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

const value = z.object({ stringValue: z.string().optional(), intValue: z.union([z.number(), z.string()]).optional() });
const attributes = z.array(z.object({ key: z.string(), value }));
const count = z.union([z.number(), z.string()]).transform(Number);

const request = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeMetrics: z.array(
        z.object({
          scope: z.object({ name: z.string() }),
          schemaUrl: z.string().optional(),
          metrics: z.array(
            z.object({
              name: z.string(),
              unit: z.string(),
              histogram: z.object({
                aggregationTemporality: z.number(),
                dataPoints: z.array(
                  z.object({
                    attributes,
                    count,
                    sum: z.number(),
                    bucketCounts: z.array(count),
                    explicitBounds: z.array(z.number()),
                  }),
                ),
              }),
            }),
          ),
        }),
      ),
    }),
  ),
});

interface ReceivedPoint {
  readonly name: string;
  readonly unit: string;
  readonly schemaUrl: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly count: number;
  readonly sum: number;
  readonly bounds: readonly number[];
  readonly resource: Readonly<Record<string, string>>;
}

const plain = (of: z.output<typeof attributes>): Record<string, string> =>
  Object.fromEntries(of.map(({ key, value: v }) => [key, v.stringValue ?? String(v.intValue)]));

export interface MetricsCollector extends AsyncDisposable {
  readonly url: string;
  /** Of the last batch: sums since the beginning. */
  readonly points: readonly ReceivedPoint[];
  /** Batches that came, taken or not. */
  readonly calls: number;
  /** Bodies as they came. */
  readonly bodies: readonly string[];
  /** What it answers from now on. */
  status: number;
}

export async function startMetricsCollector(port = 0): Promise<MetricsCollector> {
  const state = { points: [] as ReceivedPoint[], calls: 0, bodies: [] as string[], status: 200 };
  const server = createServer(async (incoming, outgoing) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    state.calls++;
    const body = Buffer.concat(parts).toString();
    if (incoming.url !== "/v1/metrics" || incoming.headers["content-type"] !== "application/json") {
      outgoing.writeHead(404).end("not OTLP metrics over HTTP in JSON");
      return;
    }
    if (state.status !== 200) {
      outgoing.writeHead(state.status).end();
      return;
    }
    state.bodies.push(body);
    state.points = request.parse(JSON.parse(body)).resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
      scopeMetrics.flatMap(({ schemaUrl, metrics }) =>
        metrics.flatMap(({ name, unit, histogram }) =>
          histogram.dataPoints.map(p => ({
            name,
            unit,
            schemaUrl,
            attributes: plain(p.attributes),
            count: p.count,
            sum: p.sum,
            bounds: p.explicitBounds,
            resource: plain(resource.attributes),
          })),
        ),
      ),
    );
    outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>(resolve => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get points() {
      return state.points;
    },
    get calls() {
      return state.calls;
    },
    get bodies() {
      return state.bodies;
    },
    get status() {
      return state.status;
    },
    set status(status) {
      state.status = status;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
