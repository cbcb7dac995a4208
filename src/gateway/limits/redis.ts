/** Buckets in a server of Redis' protocol that many processes share: a decision, or several that came at once, is one script and one round trip. */
import type { UsageRow } from "../contract.ts";
import type { RedisReply, RedisServer } from "../state/redis.ts";
import type { WaitingUsage } from "../usage/moved.ts";
import { usageValues } from "../usage/usage.ts";
import {
  askText,
  type BucketRow,
  type BucketStore,
  type BucketStoreOptions,
  bucketPage,
  type LineOutcome,
  type ReserveOutcome,
} from "./bucket-store.ts";

/** To forget empty buckets all are read, page by page, so that no decision waits for it. */
const forgetEveryMs = 60_000;
const forgetPage = 1_000;

const texts = (reply: RedisReply): readonly string[] => reply as readonly string[];

/** Of `usageValues`, so many name a row; the rest are its sums. */
const numNames = 6;

function usageOf([field, sums]: readonly [string, string]): UsageRow {
  const [day, keyId, subject, team, organisation, model] = JSON.parse(field) as [string, string, string, string, string, string];
  const [requests, errors, inputTokens, cachedTokens, outputTokens, costNano] = sums.split(" ").map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { day, keyId, subject, team, organisation, model, requests, errors, inputTokens, cachedTokens, outputTokens, costNano };
}

const inTwos = (flat: readonly string[]): [string, string][] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);

export const waitingIn = (server: RedisServer): WaitingUsage => ({
  async take(name) {
    const fields = inTwos(texts(await server.run("take", "", name)));
    if (fields.length === 0) return undefined;
    return { name: fields.find(([field]) => field === "")![1], rows: fields.filter(([field]) => field !== "").map(usageOf) };
  },
  async arrived(name) {
    await server.run("arrived", "", name);
  },
});

/** `move` brings usage into the records at each sweep; the server is closed with the store. */
export function redisBuckets(server: RedisServer, options: BucketStoreOptions, move: () => Promise<void>): BucketStore {
  const now = () => options.now?.() ?? "";
  let forgotMs = Number.NEGATIVE_INFINITY;
  let moving: Promise<void> | undefined;
  // what cannot be moved now stays where it is, and nothing waits for it: the limits hold without the records
  const moved = (): Promise<void> => {
    moving ??= move()
      .catch(() => {})
      .finally(() => {
        moving = undefined;
      });
    return moving;
  };
  return {
    async reserve(asks) {
      const [nowMs, ...told] = (await server.run("reserve", now(), options.owner, options.leaseMs, askText(asks))) as [
        string,
        ...RedisReply[],
      ];
      return told.map((one): ReserveOutcome => {
        const [granted, ...numbers] = texts(one);
        const lines: LineOutcome[] = [];
        for (let i = 0; i < numbers.length; i += 3)
          lines.push({ level: Number(numbers[i]), held: Number(numbers[i + 1]), fits: numbers[i + 2] === "1" });
        return { granted: granted === "1", nowMs: Number(nowMs), lines };
      });
    },
    async settle(asks) {
      const given = asks.map(({ id, deltas, tookLines, usage }) => {
        const values = usage && usageValues(usage);
        return {
          id,
          d: deltas === "cancel" ? null : deltas,
          k: tookLines,
          u: values && [JSON.stringify(values.slice(0, numNames)), ...values.slice(numNames)],
        };
      });
      await server.run("settle", now(), JSON.stringify(given));
    },
    async sweep() {
      await server.run("sweep", now(), options.owner, options.leaseMs);
      void moved();
      const nowMs = options.now?.() ?? Date.now();
      if (nowMs - forgotMs < forgetEveryMs) return;
      let after = "";
      do after = (await server.run("forget", now(), after, forgetPage)) as string;
      while (after !== "");
      forgotMs = nowMs;
    },
    async list(after, most) {
      const [nowMs, ...flat] = texts(await server.run("list", now(), after, most));
      const rows = inTwos(flat).map(([id, row]): BucketRow => {
        const [level, held, atMs] = row.split(" ").map(Number) as [number, number, number];
        return { id, level, held, atMs };
      });
      return bucketPage(Number(nowMs), rows, most);
    },
    async close() {
      await moving;
      await moved();
      server.close();
    },
  };
}
