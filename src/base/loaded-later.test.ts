import { expect, test } from "vitest";
import { loadedLater } from "./index.ts";

const counted = (failures = 0) => {
  let loads = 0;
  const port = {
    sum: (a: number, b: number) => a + b,
    later: async (word: string) => word.toUpperCase(),
    fail: (): never => {
      throw new Error("no");
    },
  };
  const load = async () => {
    if (loads++ < failures) throw new Error("not there yet");
    return port;
  };
  return { calls: loadedLater<typeof port>({ sum: true, later: true, fail: true }, load), loads: () => loads };
};

test("nothing is loaded before the first call, and what is loaded serves every call", async () => {
  const { calls, loads } = counted();
  expect(loads()).toBe(0);
  expect(await Promise.all([calls.sum(1, 2), calls.sum(3, 4), calls.later("a")])).toEqual([3, 7, "A"]);
  expect(loads()).toBe(1);
});

test("an error of a function is a rejection, and a load that failed is tried again", async () => {
  const { calls, loads } = counted(1);
  await expect(calls.sum(1, 2)).rejects.toThrow("not there yet");
  expect(await calls.sum(1, 2)).toBe(3);
  await expect(calls.fail()).rejects.toThrow("no");
  expect(loads()).toBe(2);
});
