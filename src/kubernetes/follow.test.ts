import type { ServerResponse } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { openKubernetesClient } from "./client.ts";
import { answerJson, answerStatus, type FakeRequest, openFakeApiServer } from "./fake-api-server.laws.ts";
import { type FollowOptions, followResource, mirrorResource } from "./follow.ts";
import { type KubernetesObject, kubernetesResources } from "./objects.ts";

const { pods } = kubernetesResources;
type Labelled = KubernetesObject;
const pod = (name: string, resourceVersion: string): Labelled => ({ metadata: { name, namespace: "default", resourceVersion } });
const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;

/** Lists answer with `lists` in turn, watches with `watches` in turn; after the last watch nothing comes. */
async function open(
  lists: readonly [items: readonly Labelled[], version: string][],
  watches: readonly ((response: ServerResponse, request: FakeRequest) => void)[],
  options: Partial<FollowOptions> = {},
) {
  let [list, watch] = [0, 0];
  const server = await openFakeApiServer((request, response) => {
    if (request.query.get("watch") === "true") {
      const next = watches[watch++];
      if (next) return next(response, request);
      response.writeHead(200).flushHeaders();
      return;
    }
    const [items, resourceVersion] = lists[Math.min(list++, lists.length - 1)]!;
    answerJson(response, 200, { items, metadata: { resourceVersion } });
  });
  const client = openKubernetesClient(server.account);
  const stop = new AbortController();
  onTestFinished(async () => {
    stop.abort();
    await client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client, stop, options: { signal: stop.signal, longestDelayMs: 5, ...options } };
}

const take = async <T>(from: AsyncGenerator<T>, count: number): Promise<T[]> => {
  const taken: T[] = [];
  for await (const x of from) {
    taken.push(x);
    if (taken.length === count) break;
  }
  return taken;
};
const watchVersions = (requests: readonly FakeRequest[]) =>
  requests.filter(r => r.query.has("watch")).map(r => r.query.get("resourceVersion"));

test("all objects first, then each change, also where a line comes in pieces", async () => {
  const text = line("MODIFIED", pod("a", "2")) + line("ADDED", pod("ü", "3")) + line("DELETED", pod("a", "4"));
  const bytes = Buffer.from(text);
  const { client, options, server } = await open(
    [[[pod("a", "1")], "1"]],
    [
      async response => {
        response.writeHead(200);
        for (let i = 0; i < bytes.length; i += 7) {
          response.write(bytes.subarray(i, i + 7));
          await new Promise(setImmediate);
        }
      },
    ],
  );
  const changes = await take(followResource(client, pods, options), 4);
  expect(changes.map(c => (c.type === "listed" ? ["listed", c.items.length] : [c.type, c.object.metadata.name]))).toEqual([
    ["listed", 1],
    ["changed", "a"],
    ["changed", "ü"],
    ["deleted", "a"],
  ]);
  const [watched] = server.requests.filter(r => r.query.has("watch"));
  expect(watched!.query.get("allowWatchBookmarks")).toBe("true");
});

test("a broken watch goes on from the last version, a bookmark's too, without a new list", async () => {
  const { client, options, server } = await open(
    [[[], "1"]],
    [
      response => {
        response.writeHead(200);
        response.write(line("ADDED", pod("a", "2")) + line("BOOKMARK", { metadata: { resourceVersion: "50" } }), () =>
          response.socket!.destroy(),
        );
      },
      response => void response.writeHead(200).write(line("ADDED", pod("b", "51"))),
    ],
  );
  await take(followResource(client, pods, options), 3);
  expect(watchVersions(server.requests)).toEqual(["1", "50"]);
  expect(server.requests.filter(r => !r.query.has("watch"))).toHaveLength(1);
});

test.each([
  ["as a status", (response: ServerResponse) => answerStatus(response, 410, "Expired")],
  [
    "as an event",
    (response: ServerResponse) => void response.writeHead(200).end(line("ERROR", { kind: "Status", code: 410, reason: "Expired" })),
  ],
])("410 %s: all objects are listed again, and no failure is reported", async (_, gone) => {
  const failed = vi.fn();
  const { client, options, server } = await open(
    [
      [[pod("a", "1")], "1"],
      [[pod("b", "9")], "9"],
    ],
    [gone],
    { failed },
  );
  const changes = await take(followResource(client, pods, options), 2);
  expect(changes.map(c => c.type === "listed" && c.items.map(i => i.metadata.name))).toEqual([["a"], ["b"]]);
  const after = followResource(client, pods, options);
  await after.return(undefined);
  expect(failed).not.toHaveBeenCalled();
  expect(watchVersions(server.requests)).toEqual(["1"]);
});

test("silence, 5xx and nonsense are waited out, with word of each", async () => {
  const failed = vi.fn();
  const { client, options } = await open(
    [[[], "1"]],
    [
      response => void response.writeHead(200).flushHeaders(),
      response => answerStatus(response, 503, "ServiceUnavailable"),
      response => void response.writeHead(200).end("<html>\n"),
      response => void response.writeHead(200).write(line("ADDED", pod("a", "2"))),
    ],
    { failed, idleMs: 30 },
  );
  const changes = await take(followResource(client, pods, options), 2);
  expect(changes[1]).toMatchObject({ type: "changed", object: { metadata: { name: "a" } } });
  expect(failed.mock.calls.map(([e]) => e.code)).toEqual(["kubernetes/unreachable", "kubernetes/unavailable", "kubernetes/response"]);
});

test("a mirror holds what there is; what vanished between two lists is deleted, what did not change is not told again", async () => {
  const told: unknown[] = [];
  const { client, options } = await open(
    [
      [[pod("a", "1"), pod("b", "1")], "1"],
      [[pod("b", "1"), pod("c", "8")], "9"],
    ],
    [response => answerStatus(response, 410, "Expired"), response => void response.writeHead(200).write(line("MODIFIED", pod("b", "10")))],
  );
  const mirror = mirrorResource(client, pods, options, (key, now, before) =>
    told.push([key, now?.metadata.resourceVersion, before?.metadata.resourceVersion]),
  );
  await mirror.listed;
  await vi.waitFor(() => expect(told).toHaveLength(5));
  expect(told).toEqual([
    ["default/a", "1", undefined],
    ["default/b", "1", undefined],
    ["default/a", undefined, "1"],
    ["default/c", "8", undefined],
    ["default/b", "10", "1"],
  ]);
  expect([...mirror.objects.keys()].sort()).toEqual(["default/b", "default/c"]);
});

test("the signal ends a follower without an error, and a mirror's first list with its reason", async () => {
  const { client, options, stop } = await open([[[], "1"]], []);
  const follower = followResource(client, pods, options);
  await follower.next();
  const next = follower.next();
  stop.abort(new Error("enough"));
  await expect(next).resolves.toEqual({ done: true, value: undefined });
  const mirror = mirrorResource(client, pods, options);
  await expect(mirror.listed).rejects.toThrow("enough");
  await mirror.done;
});
