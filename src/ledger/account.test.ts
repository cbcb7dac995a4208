import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { Account, charged, chargeElsewhere, chargeWork } from "./account.ts";
import { childProcessorSeconds, ownProcessorSeconds } from "./processor-time.ts";
import { noWork } from "./work.ts";

/** Takes so much processor time, whatever the clock says. */
function burn(seconds: number): void {
  const until = ownProcessorSeconds() + seconds;
  while (ownProcessorSeconds() < until);
}
const turn = () => new Promise<void>(next => setImmediate(next));

test("what an account is charged, its parts included, is what the process used while it was open", async () => {
  const before = ownProcessorSeconds();
  const account = new Account();
  await account.run(async () => {
    burn(0.05);
    await charged("evaluation", async () => burn(0.03));
    await charged("checkpoints", async () => {
      await turn();
      burn(0.02);
    });
    burn(0.01);
  });
  const used = account.used();
  account.close();
  const passed = ownProcessorSeconds() - before;
  expect(used.coreSeconds - used.childSeconds).toBeLessThanOrEqual(passed + 1e-6);
  expect(used.own.coreSeconds).toBeGreaterThanOrEqual(0.06);
  expect(used.parts.evaluation!.coreSeconds).toBeGreaterThanOrEqual(0.03);
  expect(used.parts.checkpoints!.coreSeconds).toBeGreaterThanOrEqual(0.02);
  const parts = Object.values(used.parts).reduce((n, p) => n + p.coreSeconds, 0);
  expect(used.own.coreSeconds + parts + used.childSeconds + used.startUpSeconds).toBeCloseTo(used.coreSeconds, 9);
});

test("two accounts that work at once share the time, and nothing is counted twice", async () => {
  const before = ownProcessorSeconds();
  const [a, b] = [new Account(), new Account()];
  const work = async () => {
    for (let i = 0; i < 5; i++) {
      burn(0.01);
      await turn();
    }
  };
  await Promise.all([a.run(work), b.run(work)]);
  const [x, y] = [a.used().own.coreSeconds, b.used().own.coreSeconds];
  a.close();
  b.close();
  expect(x + y).toBeGreaterThanOrEqual(0.1);
  expect(x + y).toBeLessThanOrEqual(ownProcessorSeconds() - before + 1e-6);
});

test("work goes to the part whose context it is done in, and nowhere without an account", async () => {
  chargeWork({ ...noWork, products: 5 });
  const account = new Account();
  await account.run(async () => {
    chargeWork({ ...noWork, products: 1 });
    await Promise.all([
      charged("evaluation", async () => {
        await turn();
        chargeWork({ ...noWork, products: 10 });
      }),
      turn().then(() => chargeWork({ ...noWork, products: 2 })),
    ]);
  });
  const { own, parts } = account.used();
  account.close();
  expect([own.work.products, parts.evaluation!.work.products]).toEqual([3, 10]);
});

test.skipIf(process.platform !== "linux")("a child's processor time is charged to the run that started it", async () => {
  const account = new Account();
  const code =
    "const u = () => { const c = process.cpuUsage(); return c.user + c.system; }; while (u() < 300_000); process.stdout.write(String(u()));";
  const child = account.run(() => Number(execFileSync(process.execPath, ["-e", code])) / 1e6);
  const { childSeconds } = account.used();
  account.close();
  // the child's own start and end are its too; ticks are of 10 ms
  expect(childSeconds).toBeGreaterThanOrEqual(child - 0.02);
  expect(childProcessorSeconds()).toBeGreaterThanOrEqual(childSeconds);
});

test("time of a process elsewhere is added where its run is", () => {
  const account = new Account();
  expect(account.used().waitedSeconds).toBeUndefined();
  account.run(() => {
    chargeElsewhere(2, { waited: 5 });
    chargeElsewhere(1, { waited: 0.5 });
  });
  const { childSeconds, coreSeconds, waitedSeconds } = account.used();
  expect(childSeconds).toBeGreaterThanOrEqual(3);
  // waiting takes no processor
  expect(waitedSeconds).toBe(5.5);
  expect(coreSeconds).toBeGreaterThanOrEqual(childSeconds);
  account.close();
});
