/** Lines before an upstream: order, starvation, bounds, nobody lost. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { handClock, systemClock } from "../../base/index.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";
import { enterAny, Lane } from "./lane.ts";
import { Line, rankOf } from "./line.ts";

const arrivals = fc.array(fc.record({ afterMs: fc.nat({ max: 50 }), priority: fc.integer({ min: -5, max: 5 }) }), {
  minLength: 1,
  maxLength: 60,
});

test("one of priority p is overtaken by one of q only if that came within (q - p) agings after it: nobody starves", () => {
  const agingMs = 20;
  fc.assert(
    fc.property(arrivals, given => {
      let now = 0;
      const all = given.map(({ afterMs, priority }, order) => {
        now += afterMs;
        return { priority, atMs: now, order };
      });
      const line = new Line<(typeof all)[number]>();
      for (const one of all) line.push(one, rankOf(one.atMs, one.priority, agingMs));
      const served = all.map(() => line.shift()!);
      for (const [i, first] of served.entries())
        for (const later of served.slice(i + 1)) {
          if (first.order < later.order) continue;
          // it overtook
          expect(first.priority).toBeGreaterThan(later.priority);
          expect(first.atMs - later.atMs).toBeLessThan((first.priority - later.priority) * agingMs);
        }
    }),
  );
});

test("of one priority who came first is first", () => {
  const line = new Line<number>();
  for (let i = 0; i < 20; i++) line.push(i, 7);
  expect(Array.from({ length: 20 }, () => line.shift())).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

test("whoever is taken out of the middle is not served, the others are in order, and it is taken out once", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 }), fc.nat(), (ranks, which) => {
      const line = new Line<number>();
      const takes = ranks.map((rank, i) => line.push(i, rank));
      const out = which % ranks.length;
      expect([takes[out]!(), takes[out]!()]).toEqual([true, false]);
      const order = ranks.map((_, i) => i).sort((a, b) => ranks[a]! - ranks[b]! || a - b);
      const left = order.filter(i => i !== out);
      expect(left.map(() => line.shift())).toEqual(left);
      expect(line.length).toBe(0);
    }),
  );
});

const options = { concurrency: 2, most: 3, longestMs: 60_000, agingMs: 1_000 };
const kindOf = (promise: Promise<void>): Promise<string> =>
  promise.then(
    () => "in",
    (e: UpstreamFailure) => e.kind,
  );

test("whatever happens, no more go at once than may, no place is lost, and everybody hears how it ended", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("enter" as const), priority: fc.integer({ min: -2, max: 2 }) }),
    fc.record({ kind: fc.constant("leave" as const) }),
    fc.record({ kind: fc.constant("gone" as const), which: fc.nat() }),
    fc.record({ kind: fc.constant("time" as const), ms: fc.nat({ max: 3_000 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async steps => {
      const clock = handClock();
      const lane = new Lane(options, clock);
      let inside = 0;
      const stops: Stop[] = [];
      const heard: Promise<string>[] = [];
      for (const s of steps) {
        if (s.kind === "enter") {
          const stop = new Stop();
          stops.push(stop);
          heard.push(
            kindOf(
              lane.enter(s.priority, Number.POSITIVE_INFINITY, stop).then(() => {
                inside++;
                expect(inside).toBeLessThanOrEqual(options.concurrency);
              }),
            ),
          );
        } else if (s.kind === "leave") {
          if (inside > 0) {
            inside--;
            lane.leave();
          }
        } else if (s.kind === "gone") stops[s.which % Math.max(1, stops.length)]?.stop(new UpstreamFailure("left", "gone"));
        else clock.advance(s.ms);
        await Promise.resolve();
        await Promise.resolve();
        const { running, waiting } = lane.state();
        expect(running).toBe(inside);
        expect(waiting).toBeLessThanOrEqual(options.most);
        // no place is free while somebody waits
        if (waiting > 0) expect(running).toBe(options.concurrency);
      }
      while (inside > 0) {
        inside--;
        lane.leave();
        await Promise.resolve();
        await Promise.resolve();
      }
      expect(lane.state()).toMatchObject({ running: 0, waiting: 0 });
      for (const how of await Promise.all(heard)) expect(["in", "left", "queueFull"]).toContain(how);
    }),
    { numRuns: 60 },
  );
});

test("a full line turns away whoever is last in it: the newcomer, or one of less priority who waits", async () => {
  const lane = new Lane({ ...options, concurrency: 1, most: 1 }, handClock());
  const stop = new Stop();
  await lane.enter(0, 1e6, stop);
  const low = kindOf(lane.enter(-1, 1e6, stop));
  expect(await kindOf(lane.enter(-1, 1e6, stop))).toBe("queueFull");
  const high = kindOf(lane.enter(1, 1e6, stop));
  expect(await low).toBe("queueFull");
  lane.leave();
  expect(await high).toBe("in");
  expect(lane.state()).toMatchObject({ running: 1, waiting: 0, refused: 2 });
});

test("who has waited as long as it may is told so and how long the line takes, from how fast it moves", async () => {
  const clock = handClock();
  const lane = new Lane({ concurrency: 1, most: 10, longestMs: 60_000, agingMs: 1_000 }, clock);
  const stop = new Stop();
  await lane.enter(0, 1e6, stop);
  const others = Array.from({ length: 4 }, () => lane.enter(0, 1e6, stop));
  for (let i = 0; i < 3; i++) {
    clock.advance(4_000);
    lane.leave();
  }
  const late = await lane.enter(0, 5, stop).catch((e: UpstreamFailure) => e);
  // one waits still; each place takes 4 s
  expect(late).toMatchObject({ kind: "queueTime", retryAfterMs: 8_000 });
  expect(lane.state()).toMatchObject({ waiting: 1, expired: 1 });
  lane.leave();
  await Promise.all(others);
});

test("no patience at all is no place in line, but a free place is taken", async () => {
  const lane = new Lane(options, systemClock);
  const stop = new Stop();
  expect(await kindOf(lane.enter(0, 0, stop))).toBe("in");
  expect(await kindOf(lane.enter(0, 0, stop))).toBe("in");
  expect(await kindOf(lane.enter(0, 0, stop))).toBe("queueTime");
});

test("who waits for any of several servers has the first place that any of them has, and none of the others", async () => {
  const lanes = [0, 1, 2].map(() => new Lane({ ...options, concurrency: 1 }, systemClock));
  const stop = new Stop();
  for (const lane of lanes) await lane.enter(0, 1e6, stop);
  const any = enterAny(lanes, 0, 1e6, stop);
  expect(lanes.map(l => l.state().waiting)).toEqual([1, 1, 1]);
  lanes[1]!.leave();
  expect(await any).toBe(lanes[1]);
  expect(lanes.map(l => [l.state().running, l.state().waiting])).toEqual([
    [1, 0],
    [1, 0],
    [1, 0],
  ]);
  const leaving = new Stop();
  const gone = enterAny(lanes, 0, 1e6, leaving).then(
    () => "in",
    (e: UpstreamFailure) => e.kind,
  );
  leaving.stop(new UpstreamFailure("left", "gone"));
  expect(await gone).toBe("left");
  expect(lanes.map(l => l.state().waiting)).toEqual([0, 0, 0]);
});

test("turned away by one line it waits on in the others; turned away by the last it hears so", async () => {
  const lanes = [0, 1].map(() => new Lane({ ...options, concurrency: 1, most: 1 }, systemClock));
  const stop = new Stop();
  for (const lane of lanes) await lane.enter(0, 1e6, stop);
  const any = enterAny(lanes, 0, 1e6, stop).then(
    () => "in",
    (e: UpstreamFailure) => e.kind,
  );
  const above = lanes.map(lane => lane.enter(1, 1e6, stop));
  expect(await any).toBe("queueFull");
  for (const lane of lanes) lane.leave();
  await Promise.all(above);
});
