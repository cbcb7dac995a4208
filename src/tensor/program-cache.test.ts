import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import type { Executable } from "./backend.ts";
import { compile } from "./compile.ts";
import { type Device, openDevice } from "./device.ts";
import { add, mul } from "./functions.ts";
import { defaultKeptPrograms, ProgramCache } from "./program-cache.ts";
import type { Tensor } from "./tensor.ts";

/** A device that counts native sessions, and fails where one is disposed while it runs. */
function countingDevice() {
  const device = openDevice("cpu", { threads: 1 });
  const counts = { built: 0, live: 0, most: 0, disposedInUse: 0 };
  const { backend } = device;
  const build = backend.build.bind(backend);
  backend.build = async (graph, options): Promise<Executable> => {
    const made = await build(graph, options);
    counts.built++;
    counts.most = Math.max(counts.most, ++counts.live);
    let running = 0;
    return {
      run: async (inputs, outputs, signal) => {
        running++;
        try {
          await made.run(inputs, outputs, signal);
        } finally {
          running--;
        }
      },
      dispose: () => {
        counts.live--;
        if (running > 0) counts.disposedInUse++;
        made.dispose();
      },
    };
  };
  return { device, counts };
}

const affine = (x: Tensor): Tensor => add(mul(x, x), 1);
async function valuesOf(device: Device, program: ReturnType<typeof compile<readonly [Tensor], Tensor>>, length: number): Promise<number[]> {
  using x = await device.array(
    Array.from({ length }, (_, i) => i),
    "f32",
  );
  using y = await program(x);
  return Array.from(await y.numbers());
}
const wanted = (length: number): number[] => Array.from({ length }, (_, i) => i * i + 1);

test("many shapes leave no more than the default number of sessions, and every result is right", async () => {
  const { device, counts } = countingDevice();
  const program = compile(affine, { device });
  const shapes = rounds(500, 3 * defaultKeptPrograms);
  for (let length = 1; length <= shapes; length++) expect(await valuesOf(device, program, length)).toEqual(wanted(length));
  expect(counts.built).toBe(shapes);
  expect(program.programs).toBe(defaultKeptPrograms);
  // the one that is built stands beside those that are kept until it is there
  expect(counts.most).toBeLessThanOrEqual(defaultKeptPrograms + 1);
  expect(counts.live).toBe(defaultKeptPrograms);
  program.dispose();
  await expect.poll(() => counts.live).toBe(0);
  device.dispose();
});

test("an evicted program is built again and gives the same results; one that is used again and again stays", async () => {
  const { device, counts } = countingDevice();
  const program = compile(affine, { device, keptPrograms: 3 });
  for (let round = 0; round < 4; round++)
    for (const length of [1, 2, 3, 4, 5]) {
      expect(await valuesOf(device, program, 9)).toEqual(wanted(9));
      expect(await valuesOf(device, program, length)).toEqual(wanted(length));
    }
  // length 9 once, each other one in each round
  expect(counts.built).toBe(1 + 4 * 5);
  program.dispose();
  device.dispose();
});

test("programs that are called at once are not disposed while they run, however few are kept", async () => {
  const { device, counts } = countingDevice();
  const program = compile(affine, { device, keptPrograms: 1 });
  const lengths = Array.from({ length: 60 }, (_, i) => 1 + ((i * 7) % 11));
  const results = await Promise.all(lengths.map(length => valuesOf(device, program, length)));
  expect(results).toEqual(lengths.map(wanted));
  expect(counts.disposedInUse).toBe(0);
  await expect.poll(() => counts.live).toBe(1);
  expect(program.programs).toBe(1);
  program.dispose();
  device.dispose();
});

test("a build that fails is not kept", async () => {
  const cache = new ProgramCache<number>(2, () => {});
  const failing = cache.lease("a", () => Promise.reject(new Error("no memory")));
  await expect(failing.program).rejects.toThrow("no memory");
  failing.release();
  expect(cache.size).toBe(0);
  const next = cache.lease("a", async () => 7);
  expect(await next.program).toBe(7);
  next.release();
});

test("whatever is leased and given back in any order: what is held lives, what is not held is bounded, all is disposed once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 5 })), { maxLength: 60 }),
      async (most, steps) => {
        const disposed = new Map<object, number>();
        const cache = new ProgramCache<object>(most, p => void disposed.set(p, (disposed.get(p) ?? 0) + 1));
        const built: object[] = [];
        const held: { program: object; release: () => void }[] = [];
        for (const [key, back] of steps) {
          const lease = cache.lease(String(key), async () => {
            const program = { key };
            built.push(program);
            return program;
          });
          held.push({ program: await lease.program, release: lease.release });
          for (let i = 0; i < back && held.length > 0; i++) held.splice((key + i) % held.length, 1)[0]!.release();
          await Promise.resolve();
          for (const { program } of held) expect(disposed.has(program)).toBe(false);
          expect(cache.size).toBeLessThanOrEqual(Math.max(most, new Set(held.map(h => h.program)).size));
        }
        for (const { release } of held) release();
        cache.dispose();
        await new Promise(resolve => setImmediate(resolve));
        expect(built.map(p => disposed.get(p))).toEqual(built.map(() => 1));
      },
    ),
  );
});
