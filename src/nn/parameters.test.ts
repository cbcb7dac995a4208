import { expect, test } from "vitest";
import { type DeviceArray, openDevice } from "../tensor/index.ts";
import { initialise, matrix, ones } from "./parameters.ts";

test("parameters beyond this machine's memory are refused before any is drawn, with their size and the largest of them", async () => {
  const device = openDevice("cpu", { threads: 1 });
  const wide = 2 ** 22;
  const specs = { small: ones([4]), blocks: [{ up: matrix([wide, 4 * wide], 0.02) }] };
  await expect(initialise(specs, device, 1)).rejects.toThrow(
    /^parameters: expected at most [\d.]+ [GMT]B, got 281 TB \(blocks\.0\.up \[4194304, 16777216\] alone 281 TB\)\. .*Lower what sets the model's size: width/,
  );
  device.dispose();
});

test("where there is no room for one of them it is the same error, and those before it are given back", async () => {
  const device = openDevice("reference");
  const drawn: DeviceArray[] = [];
  const narrow = Object.create(device, {
    array: {
      value: async (...given: Parameters<typeof device.array>) => {
        // what V8 says
        if (drawn.length === 2) throw new RangeError("Array buffer allocation failed");
        const array = await device.array(...given);
        drawn.push(array);
        return array;
      },
    },
  }) as typeof device;
  const specs = { a: ones([4]), b: ones([8]), c: matrix([16, 16], 0.02) };
  await expect(initialise(specs, narrow, 1)).rejects.toMatchObject({
    code: "nn/memory",
    problem: { received: "1.07 kB (c [16, 16] alone 1.02 kB)" },
  });
  expect(drawn).toHaveLength(2);
  for (const array of drawn) expect(() => array.read()).toThrow(/disposed/);
});
