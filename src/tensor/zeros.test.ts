import { expect, test } from "vitest";
import { openDevice } from "./device.ts";

test("zeros are zero, also where memory of the same size has just been freed", async () => {
  for (const name of ["cpu", "reference"] as const) {
    const device = openDevice(name);
    const used = await device.full([64, 32], 7);
    used.dispose();
    const zeros = await device.zeros([64, 32]);
    expect((await zeros.read()).every(x => x === 0)).toBe(true);
    expect(await (await device.zeros([3], "i32")).read()).toEqual(new Int32Array(3));
    zeros.dispose();
    device.dispose();
  }
});

test.runIf(process.platform === "linux")("zeros take no memory before they are used, and then what is used", async () => {
  const device = openDevice("cpu");
  const { rss } = process.memoryUsage;
  const before = rss();
  const sizeBytes = 256 * 1024 * 1024;
  const zeros = await device.zeros([sizeBytes / 4]);
  expect(rss() - before).toBeLessThan(sizeBytes / 4);
  (zeros.view() as Float32Array).fill(1, 0, sizeBytes / 8);
  expect(rss() - before).toBeGreaterThan(sizeBytes / 3);
  zeros.dispose();
  device.dispose();
});
