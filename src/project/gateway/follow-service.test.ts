/** Lists of endpoints from EndpointSlices: what counts as one, and what becomes of the list when the API server fails. A server of plain HTTP answers as told. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { ServiceEndpoint, ServiceReference } from "../../gateway/index.ts";
import { openKubernetesClient } from "../../kubernetes/index.ts";
import { type EndpointSlice, endpointsOf, followServices } from "./follow-service.ts";

type Conditions = { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
let version = 1;
const slice = (name: string, pods: Readonly<Record<string, Conditions>>, more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  metadata: { name, namespace: "default", resourceVersion: String(++version) },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: Object.entries(pods).map(([address, conditions]) => ({ addresses: [address], conditions })),
  ...more,
});
const terminating = { ready: false, serving: true, terminating: true };
const addresses = (list: readonly ServiceEndpoint[]) => list.map(e => `${e.address}:${e.port}`).sort();
const of = (slices: readonly EndpointSlice[], port?: ServiceReference["port"]) => addresses(endpointsOf(slices, port).endpoints);

test("ready endpoints of all slices count once; unknown counts as ready; terminating ones take nothing new while another is ready", () => {
  const first = slice("a", { "10.0.0.1": { ready: true }, "10.0.0.2": terminating, "10.0.0.3": { ready: false } });
  // the controller moves endpoints between slices: for a moment one is in both
  const second = slice("b", { "10.0.0.1": { ready: true }, "10.0.0.4": {} });
  expect(of([first, second])).toEqual(["10.0.0.1:8080", "10.0.0.4:8080"]);
});

test("when all are terminating, those that still serve are asked", () => {
  expect(of([slice("a", { "10.0.0.1": terminating, "10.0.0.2": { ...terminating, serving: false } })])).toEqual(["10.0.0.1:8080"]);
  expect(of([slice("a", {}), slice("b", {}, { endpoints: null })])).toEqual([]);
});

test("a port is found by name or number, also where slices differ in it; several ports need a choice", () => {
  const metrics = { name: "metrics", port: 9090, protocol: "TCP" };
  const two = slice("a", { "10.0.0.1": {} }, { ports: [{ name: "http", port: 8080, protocol: "TCP" }, metrics] });
  // a named port of a container is another number in an older version
  const other = slice("b", { "10.0.0.2": {} }, { ports: [{ name: "http", port: 8000 }, metrics] });
  expect(of([two, other], "http")).toEqual(["10.0.0.1:8080", "10.0.0.2:8000"]);
  expect(of([two], 9090)).toEqual(["10.0.0.1:9090"]);
  expect(endpointsOf([two], undefined)).toEqual({
    endpoints: [],
    problem: "expected `port`, since the Service has the ports http, metrics",
  });
  expect(endpointsOf([two], "grpc").problem).toBe("expected the port grpc, got http, metrics");
});

test("of two address families IPv4 is asked; of IPv6 alone that", () => {
  const six = slice("b", { "fd00::1": {} }, { addressType: "IPv6" });
  expect(of([slice("a", { "10.0.0.1": {} }), six])).toEqual(["10.0.0.1:8080"]);
  expect(of([six])).toEqual(["fd00::1:8080"]);
});

interface Api {
  /** Answers of lists, in turn; the last stays. `undefined`: the connection is cut. */
  readonly lists: (readonly EndpointSlice[] | undefined)[];
  /** Of watches, in turn; after the last one stays open and silent. */
  readonly watches: ((response: ServerResponse) => void)[];
  readonly paths: string[];
  readonly watching: ServerResponse[];
}

/** What `followServices` tells of a Service, by this API server. */
async function follow(api: Partial<Api>, reference: ServiceReference = { service: "mail" }) {
  const { lists = [[]], watches = [] } = api;
  const [paths, watching, seen, troubles]: [string[], ServerResponse[], string[][], string[]] = [[], [], [], []];
  let [list, watch] = [0, 0];
  const server = createServer((request, response) => {
    paths.push(request.url!);
    if (request.url!.includes("watch=true")) {
      watching.push(response);
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      watches[watch++]?.(response);
      return;
    }
    const items = lists[Math.min(list++, lists.length - 1)];
    if (!items) return void request.socket.destroy();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ items, metadata: { resourceVersion: "7" } }));
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const client = openKubernetesClient({
    server: `http://127.0.0.1:${port}`,
    namespace: "own",
    place: "fake",
    tls: {},
    authorization: () => undefined,
  });
  const stop = followServices({}, async () => client)(reference, {
    onEndpoints: endpoints => seen.push(addresses(endpoints)),
    onTrouble: text => troubles.push(text),
  });
  onTestFinished(async () => {
    stop();
    await client.close();
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  });
  return { seen, troubles, paths, watching, stop };
}

const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const last = (seen: readonly string[][]) => expect.poll(() => seen.at(-1), { timeout: 30_000 });

test("the list comes first, then each change, of the Service's slices alone", async () => {
  const { seen, paths, watching } = await follow(
    { lists: [[slice("a", { "10.0.0.1": {}, "10.0.0.2": {} })]] },
    { service: "mail", port: "http" },
  );
  await last(seen).toEqual(["10.0.0.1:8080", "10.0.0.2:8080"]);
  await expect.poll(() => watching.length).toBe(1);
  expect(decodeURIComponent(paths[0]!)).toContain(
    "/apis/discovery.k8s.io/v1/namespaces/own/endpointslices?labelSelector=kubernetes.io/service-name=mail",
  );
  watching[0]!.write(event("MODIFIED", slice("a", { "10.0.0.1": terminating, "10.0.0.2": {} })));
  await last(seen).toEqual(["10.0.0.2:8080"]);
  watching[0]!.write(event("ADDED", slice("b", { "10.0.0.9": {} })) + event("DELETED", slice("a", {})));
  await last(seen).toEqual(["10.0.0.9:8080"]);
});

test("a resource version that is too old (410) lists again, and what was deleted meanwhile is gone", async () => {
  const { seen, troubles, paths } = await follow({
    lists: [[slice("a", { "10.0.0.1": {} }), slice("b", { "10.0.0.2": {} })], [slice("b", { "10.0.0.3": {} })]],
    watches: [response => response.end(event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" }))],
  });
  await last(seen).toEqual(["10.0.0.3:8080"]);
  expect(seen.map(s => s.join())).not.toContain("");
  expect(paths.filter(p => !p.includes("watch")).length).toBe(2);
  expect(troubles).toEqual([]);
});

test("while the API server is away the last list stays, the failure is reported once, and what changed meanwhile comes afterwards", async () => {
  const { seen, troubles } = await follow({
    // the watch ends with 410, so that a list is wanted, and two lists are cut off
    lists: [[slice("a", { "10.0.0.1": {} })], undefined, undefined, [slice("a", { "10.0.0.5": {} })]],
    watches: [response => response.end(event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" }))],
  });
  await last(seen).toEqual(["10.0.0.5:8080"]);
  expect(seen).toEqual([["10.0.0.1:8080"], ["10.0.0.5:8080"]]);
  expect(troubles.length).toBeGreaterThanOrEqual(1);
  expect(new Set(troubles).size).toBe(troubles.length);
  expect(troubles[0]).toMatch(/^the API server is not reached; the last list stays: /);
});

test("a watch that is cut in the middle of a line goes on from where it was", async () => {
  const change = event("MODIFIED", slice("a", { "10.0.0.6": {} }));
  const { seen } = await follow({
    lists: [[slice("a", { "10.0.0.1": {} })]],
    watches: [
      response => {
        response.write(change.slice(0, 40));
        setImmediate(() => response.destroy());
      },
      response => response.write(change),
    ],
  });
  await last(seen).toEqual(["10.0.0.6:8080"]);
});

test("a Service with several ports and no port chosen is reported, and gets requests at its own address alone", async () => {
  const two = slice(
    "a",
    { "10.0.0.1": {} },
    {
      ports: [
        { name: "http", port: 80 },
        { name: "grpc", port: 81 },
      ],
    },
  );
  const { seen, troubles } = await follow({ lists: [[two]] });
  await expect.poll(() => troubles).toEqual(["expected `port`, since the Service has the ports http, grpc"]);
  expect(seen).toEqual([]);
});

test("after it was stopped nothing more is reported", async () => {
  const { seen, watching, stop } = await follow({ lists: [[slice("a", { "10.0.0.1": {} })]] });
  await last(seen).toEqual(["10.0.0.1:8080"]);
  await expect.poll(() => watching.length).toBe(1);
  const closed = new Promise(done => watching[0]!.once("close", done));
  stop();
  await closed;
  expect(seen.length).toBe(1);
});

test("without an account the reason is reported, and the Service's own address stays", async () => {
  const troubles: string[] = [];
  const stop = followServices({ KUBECONFIG: "/nowhere/kubeconfig" })(
    { service: "mail" },
    { onEndpoints: () => {}, onTrouble: t => troubles.push(t) },
  );
  await expect.poll(() => troubles.join(), { timeout: 30_000 }).toMatch(/endpoints are not followed: .*kubeconfig/);
  stop();
});
