import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type ClassLoss, classMembership } from "./membership.ts";

/** Texts of two classes, one of them harder by 2 nats. */
function texts(seed: string, count: number, learnt: number, hardShare = 0.5): ClassLoss[] {
  const r = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const label = Number(r.uniform() < hardShare);
    return { group: `${seed}/${i}`, label, loss: 0.5 + 2 * label + 0.2 * r.normal() - learnt };
  });
}

test("the attack finds training texts that were memorised, and texts that were not at chance", () => {
  const heldOut = texts("held", 400, 0);
  const memorised = classMembership(texts("memorised", 200, 0.6), heldOut);
  expect(memorised.low).toBeGreaterThan(0.9);
  expect(memorised.foundAtTenth).toBeGreaterThan(0.8);
  const general = classMembership(texts("general", 200, 0), heldOut);
  expect(general.low).toBeLessThan(0.5);
  expect(general.high).toBeGreaterThan(0.5);
});

test("a class that is harder does not look unlearnt: losses are compared within their class", () => {
  // of training texts nine of ten are of the hard class, of held-out ones half
  const area = classMembership(texts("hard", 200, 0.6, 0.9), texts("held", 400, 0));
  expect(area.low).toBeGreaterThan(0.9);
});

test("too few texts on a side are refused with the counts", () => {
  expect(() => classMembership(texts("few", 9, 0), texts("held", 400, 0))).toThrow(/tune.membership: expected 10 training texts.*got 9;/);
  expect(() => classMembership(texts("many", 90, 0), texts("few", 12, 0))).toThrow(/10 held-out ones in each half.*Hold out more texts/);
});
