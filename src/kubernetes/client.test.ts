import { expect, onTestFinished, test } from "vitest";
import { openKubernetesClient } from "./client.ts";
import { failureDetails, retryBackoffMs, retryDelayMs, statusFailure } from "./failures.ts";
import { answerJson, answerStatus, type FakeAnswer, openFakeApiServer } from "./fake-api-server.laws.ts";
import { kubernetesResources, resourcePath } from "./objects.ts";

const { pods, deployments, nodes } = kubernetesResources;

async function open(answer: FakeAnswer, account: object = {}) {
  const server = await openFakeApiServer(answer);
  const client = openKubernetesClient({ ...server.account, ...account });
  onTestFinished(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}
const pod = (name: string, resourceVersion = "1") => ({ metadata: { name, resourceVersion } });

test("a path names the group, the namespace, the object and its subresource, each escaped", () => {
  expect(resourcePath(pods, { namespace: "a", name: "b" })).toBe("/api/v1/namespaces/a/pods/b");
  expect(resourcePath(deployments, { namespace: "a", name: "b/c", subresource: "status" })).toBe(
    "/apis/apps/v1/namespaces/a/deployments/b%2Fc/status",
  );
  expect(resourcePath(deployments)).toBe("/apis/apps/v1/deployments");
  expect(resourcePath(nodes, { namespace: "a", name: "n" })).toBe("/api/v1/nodes/n");
});

test("an error carries the API's status, reason, message and causes", async () => {
  const causes = [{ reason: "FieldValueInvalid", field: "spec.replicas", message: "must be above 0" }];
  const { client } = await open((_, response) => answerStatus(response, 422, "Invalid", { details: { causes } }));
  const error = await client.get(pods, { name: "a" }).catch((e: unknown) => e);
  expect(error).toMatchObject({
    code: "kubernetes/invalid",
    message: expect.stringContaining("/pods/a: 422 Invalid: the server says Invalid"),
  });
  expect(failureDetails(error)).toEqual({
    status: 422,
    reason: "Invalid",
    causes: [{ field: "spec.replicas", message: "must be above 0" }],
    retryAfterMs: null,
  });
});

test.each([
  [400, "invalid"],
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "notFound"],
  [409, "conflict"],
  [410, "gone"],
  [422, "invalid"],
  [429, "throttled"],
  [500, "unavailable"],
  [504, "unavailable"],
  [302, "response"],
] as const)("status %i is kubernetes/%s", async (status, code) => {
  const { client } = await open((_, response) => void response.writeHead(status).end("plain text"));
  await expect(client.get(pods, { name: "a" }, { attempts: 1 })).rejects.toMatchObject({
    code: `kubernetes/${code}`,
    message: expect.stringContaining("plain text"),
  });
});

test("a list comes in chunks; a chunk that is too old is followed by one list of all, without what was there before", async () => {
  const { client, server } = await open(({ query }, response) => {
    const at = query.get("continue");
    if (at === "2") return answerStatus(response, 410, "Expired");
    if (query.get("limit") === null)
      return answerJson(response, 200, { items: ["a", "b", "c"].map(n => pod(n)), metadata: { resourceVersion: "9" } });
    return answerJson(response, 200, {
      items: [pod(at === null ? "a" : "b")],
      metadata: { resourceVersion: "5", continue: at === null ? "1" : "2" },
    });
  });
  const { items, resourceVersion } = await client.list(pods, { chunk: 1, labels: "app=x" });
  expect(items.map(i => i.metadata.name)).toEqual(["a", "b", "c"]);
  expect(items[0]).toMatchObject({ apiVersion: "v1", kind: "Pod" });
  expect(resourceVersion).toBe("9");
  expect(server.requests.map(r => [r.query.get("limit"), r.query.get("continue"), r.query.get("labelSelector")])).toEqual([
    ["1", null, "app=x"],
    ["1", "1", "app=x"],
    ["1", "2", "app=x"],
    [null, null, "app=x"],
  ]);
});

test("server-side apply names its field manager, and its kind from the resource", async () => {
  const { client, server } = await open((_, response) => answerJson(response, 200, pod("a")));
  await client.apply(deployments, { metadata: { name: "a", namespace: "n" } }, { fieldManager: "loam", force: true, isDryRun: true });
  const [request] = server.requests;
  expect(request).toMatchObject({ method: "PATCH", path: "/apis/apps/v1/namespaces/n/deployments/a" });
  expect(Object.fromEntries(request!.query)).toEqual({ fieldManager: "loam", force: "true", dryRun: "All" });
  expect(request!.headers["content-type"]).toBe("application/apply-patch+yaml");
  expect(JSON.parse(request!.body)).toEqual({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a", namespace: "n" } });
});

test("delete sends its preconditions", async () => {
  const { client, server } = await open((_, response) => answerJson(response, 200, {}));
  await client.delete(pods, { name: "a" }, { uid: "u", resourceVersion: "7", propagation: "Foreground" });
  expect(JSON.parse(server.requests[0]!.body)).toMatchObject({
    preconditions: { uid: "u", resourceVersion: "7" },
    propagationPolicy: "Foreground",
  });
});

test("a throttled request is repeated after Retry-After, a create too: it was never carried out", async () => {
  let times = 0;
  const { client, server } = await open((_, response) => {
    times++;
    if (times === 1) return answerStatus(response, 429, "TooManyRequests", {}, { "retry-after": "0" });
    return answerJson(response, 201, pod("a"));
  });
  await client.create(pods, pod("a"));
  expect(server.requests.map(r => r.method)).toEqual(["POST", "POST"]);
});

test("after 5xx or a broken connection reads and applies are repeated, a create is not", async () => {
  const { client, server } = await open(({ method }, response) => {
    if (server.requests.filter(r => r.method === method).length > 1) return answerJson(response, 200, pod("a"));
    if (method === "GET") return answerStatus(response, 503, "ServiceUnavailable");
    response.socket!.destroy();
  });
  await expect(client.get(pods, { name: "a" })).resolves.toMatchObject({ metadata: { name: "a" } });
  await expect(client.apply(pods, pod("a"), { fieldManager: "loam" })).resolves.toMatchObject({ metadata: { name: "a" } });
  await expect(client.create(pods, pod("a"))).rejects.toMatchObject({ code: "kubernetes/unreachable" });
  expect(server.requests.map(r => r.method)).toEqual(["GET", "GET", "PATCH", "PATCH", "POST"]);
});

test("no answer is kubernetes/unreachable after the time limit of the attempt", async () => {
  const { client, server } = await open(() => {});
  const error = await client.get(pods, { name: "a" }, { timeoutMs: 50, attempts: 2 }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "kubernetes/unreachable", message: expect.stringContaining("no response in 50 ms") });
  expect(server.requests).toHaveLength(2);
});

test("a server that is not there is kubernetes/unreachable, and a create is repeated: it was never sent", async () => {
  const server = await openFakeApiServer(() => {});
  await server[Symbol.asyncDispose]();
  const client = openKubernetesClient(server.account);
  onTestFinished(() => client.close());
  const error = await client.create(pods, pod("a"), { attempts: 1 }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "kubernetes/unreachable", message: expect.stringContaining("ECONNREFUSED") });
  expect(retryDelayMs(error, 0, false, 0)).not.toBeNull();
});

test("a token that was replaced is read again after one 401", async () => {
  let token = "old";
  const { client, server } = await open(
    ({ headers }, response) => {
      if (headers.authorization === "Bearer new") return answerJson(response, 200, pod("a"));
      token = "new";
      return answerStatus(response, 401, "Unauthorized");
    },
    { authorization: () => `Bearer ${token}` },
  );
  await client.get(pods, { name: "a" });
  expect(server.requests.map(r => r.headers.authorization)).toEqual(["Bearer old", "Bearer new"]);
});

test("a guard that throws when the body would be written: the server never has the request", async () => {
  const { client, server } = await open((_, response) => answerJson(response, 200, pod("a")));
  const lost = new Error("no longer the leader");
  let calls = 0;
  const guard = () => {
    // the first look is before a connection is there, the second when the body is due
    if (++calls >= 2) throw lost;
  };
  await expect(client.apply(pods, pod("a"), { fieldManager: "loam", guard })).rejects.toBe(lost);
  expect(calls).toBe(2);
  await client.get(pods, { name: "a" });
  expect(server.requests.map(r => r.method)).toEqual(["GET"]);
});

test("a signal ends a request and the wait before the next one with its reason", async () => {
  const stop = new AbortController();
  const { client, server } = await open((_, response) => answerStatus(response, 429, "TooManyRequests", {}, { "retry-after": "50" }));
  const waiting = client.get(pods, { name: "a" }, { signal: stop.signal });
  await server.came(1);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

test("waits double up to a limit, half of each by chance; a server that wants more than a minute is not waited for", () => {
  expect([0, 1, 2].map(n => retryBackoffMs(n, 1))).toEqual([100, 200, 400]);
  expect(retryBackoffMs(3, 0)).toBe(400);
  expect(retryBackoffMs(60, 1)).toBe(10_000);
  const throttled = (seconds: string) => statusFailure("x", 429, undefined, "", seconds);
  expect(retryDelayMs(throttled("7"), 0, false, 0)).toBe(7_000);
  expect(retryDelayMs(throttled("61"), 0, true, 0)).toBeNull();
  expect(retryDelayMs(statusFailure("x", 409, undefined), 0, true, 0)).toBeNull();
});
