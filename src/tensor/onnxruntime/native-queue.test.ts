import fc from "fast-check";
import { expect, test } from "vitest";
import { createNativeQueue, nativeSlots } from "./native-queue.ts";

test("never more tasks at once than slots, all run, in the order they came, whichever fail", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ turns: fc.nat(4), fails: fc.boolean() })),
      async (slots, tasks) => {
        const queue = createNativeQueue(slots);
        const started: number[] = [];
        let running = 0;
        const results = await Promise.allSettled(
          tasks.map((task, i) =>
            queue.run(async () => {
              started.push(i);
              expect(++running).toBeLessThanOrEqual(slots);
              for (let t = 0; t < task.turns; t++) await null;
              running--;
              if (task.fails) throw new Error(`task ${i}`);
              return i;
            }),
          ),
        );
        expect(started).toEqual(tasks.map((_, i) => i));
        expect(results.map(r => r.status)).toEqual(tasks.map(t => (t.fails ? "rejected" : "fulfilled")));
      },
    ),
  );
});

test("Node's thread pool keeps two threads for files", () => {
  expect([nativeSlots(undefined), nativeSlots("16"), nativeSlots("1"), nativeSlots("no")]).toEqual([2, 14, 1, 2]);
});
