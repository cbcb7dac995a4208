import { expect, test } from "vitest";
import { handClock } from "../../base/index.ts";
import type { ChangeTopic } from "./console-answers/changes.ts";
import { ChangeFeed } from "./console-changes.ts";

/** A feed over values that a test sets, and how often they were read. */
function feedOf(more: { readonly mostStreams?: number; readonly streamMs?: number } = {}) {
  const values: Partial<Record<ChangeTopic, string>> = { artifacts: "a", engine: "e" };
  let readings = 0;
  const clock = handClock(1_000_000);
  const feed = new ChangeFeed({
    clock,
    everyMs: 1,
    ...more,
    read: async () => {
      readings++;
      return { ...values };
    },
  });
  return { feed, clock, values, readings: () => readings };
}
const topicsOf = ({ value }: IteratorResult<{ readonly revisions: object }, unknown>) =>
  Object.keys((value as { readonly revisions: object }).revisions);
/** Until so many further readings were made. */
async function read(n: number, { readings }: ReturnType<typeof feedOf>): Promise<void> {
  const end = readings() + n;
  while (readings() < end) await new Promise(resolve => setTimeout(resolve, 1));
}

test("a stream begins with all topics and then names those that changed, with a greater number", async () => {
  const of = feedOf();
  const stream = of.feed.open();
  const first = (await stream.next()).value as { revisions: Record<string, number> };
  expect(Object.keys(first.revisions)).toEqual(["artifacts", "runs", "labels", "jobs", "serving", "engine", "watch"]);
  expect(first.revisions.artifacts).toBe(1_000_000);
  of.values.artifacts = "b";
  const second = (await stream.next()).value as { revisions: Record<string, number> };
  // the clock stands still: a revision grows all the same
  expect(second.revisions).toEqual({ artifacts: 1_000_001 });
  await stream.return();
});

test("eight streams are served by one reading at a time, and nothing is read while nobody listens", async () => {
  const of = feedOf();
  const streams = Array.from({ length: 8 }, () => of.feed.open());
  await Promise.all(streams.map(s => s.next()));
  expect(of.readings()).toBe(1);
  const next = streams.map(s => s.next());
  of.values.engine = "f";
  expect((await Promise.all(next)).map(topicsOf)).toEqual(Array.from({ length: 8 }, () => ["engine"]));
  for (const s of streams) await s.return();
  expect(of.feed.numStreams).toBe(0);
  // one reading may have been under way
  await new Promise(resolve => setTimeout(resolve, 5));
  const before = of.readings();
  await new Promise(resolve => setTimeout(resolve, 20));
  expect(of.readings()).toBe(before);
  of.values.engine = "g";
  const again = of.feed.open();
  expect(((await again.next()).value as { revisions: Record<string, number> }).revisions.engine).toBe(1_000_002);
  await again.return();
});

test("a client that reads slowly gets the newest revision once", async () => {
  const of = feedOf();
  const stream = of.feed.open();
  await stream.next();
  for (const value of ["1", "2", "3"]) {
    of.values.labels = value;
    await read(2, of);
  }
  const { value } = await stream.next();
  expect(value).toEqual({ revisions: { labels: 1_000_003 } });
  await stream.return();
});

test("streams beyond the bound are refused, one that has left makes room, and a closed feed ends all", async () => {
  const { feed } = feedOf({ mostStreams: 2 });
  const [first, second] = [feed.open(), feed.open()];
  expect(() => feed.open()).toThrow("at most 2 open event streams");
  // never begun: it counts no more either
  await first.return();
  const third = feed.open();
  for (const s of [second, third]) await s.next();
  const waiting = [second.next(), third.next()];
  feed.close();
  expect((await Promise.all(waiting)).map(r => r.done)).toEqual([true, true]);
  expect(() => feed.open()).toThrow("shutting down");
});

test("a stream ends by itself after its time, so that its client's access is checked again", async () => {
  const { feed } = feedOf({ streamMs: 1 });
  const stream = feed.open();
  let told = 0;
  for await (const _ of stream) told++;
  expect(told).toBeLessThan(3);
  expect(feed.numStreams).toBe(0);
});
