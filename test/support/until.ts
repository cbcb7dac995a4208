import { expect } from "vitest";

/** Waits until `holds`: nearly as long as a test may take, for a fixed number of looks is a bet on how busy the machine is. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(async () => holds(), { interval: 5, timeout: 110_000 }).toBe(true);
}
