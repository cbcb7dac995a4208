import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { extractionOf, isWithinInterval, membershipArea, type TextLoss } from "../index.ts";

/** Texts of any difficulty, whose loss lies `learnt` below what it would be. */
function texts(seed: string, count: number, learnt: number): TextLoss[] {
  const r = random(seed);
  return Array.from({ length: count }, () => {
    const difficulty = 2 + 3 * r.uniform();
    return { difficulty, loss: 0.3 + 0.8 * difficulty + 0.1 * r.normal() - learnt };
  });
}
const calibration = texts("calibration", 200, 0);

test("the attack finds texts that were learnt, and others at chance", () => {
  const neverSeen = texts("never", 200, 0);
  const learnt = membershipArea({ erased: texts("erased", 100, 0.5), neverSeen, calibration });
  expect(learnt.low).toBeGreaterThan(0.95);
  expect(learnt.foundAtTenth).toBeGreaterThan(0.9);
  const not = membershipArea({ erased: texts("others", 100, 0), neverSeen, calibration });
  expect(isWithinInterval({ value: 0.5 }, not)).toBe(true);
  expect(isWithinInterval(learnt, not)).toBe(false);
});

test("a model that is worse at erased texts than at unseen ones is found too: its AUC lies below the interval", () => {
  const area = membershipArea({ erased: texts("erased", 100, -0.5), neverSeen: texts("never", 200, 0), calibration });
  expect(area.high).toBeLessThan(0.05);
});

test("hard texts do not look unlearnt: without calibration the same losses would hide what was learnt", () => {
  const hard = texts("hard", 100, 0.3).map(t => ({ difficulty: t.difficulty + 3, loss: t.loss + 2.4 }));
  const neverSeen = texts("never", 200, 0);
  expect(membershipArea({ erased: hard, neverSeen, calibration }).value).toBeGreaterThan(0.9);
  const flat = (list: readonly TextLoss[]) => list.map(({ loss }) => ({ loss, difficulty: 0 }));
  expect(membershipArea({ erased: flat(hard), neverSeen: flat(neverSeen), calibration: flat(calibration) }).value).toBeLessThan(0.1);
});

test("too few texts, and a loss that is no number, are refused", () => {
  const neverSeen = texts("never", 20, 0);
  expect(() => membershipArea({ erased: texts("few", 9, 0), neverSeen, calibration })).toThrow(/10 texts on each side.*9 erased/);
  const broken = [...texts("ten", 10, 0), { loss: Number.NaN, difficulty: 1 }];
  expect(() => membershipArea({ erased: broken, neverSeen, calibration })).toThrow(/erased\[10\]/);
});

test("extraction counts tokens from the prefix to the first mistake", () => {
  const all = [1, 1, 1, 1, 1, 1, 1, 1];
  const late = [0, 0, 1, 1, 1, 0, 1, 1];
  const short = [1, 1, 1];
  expect(extractionOf([all, late, short], { prefix: 2, suffix: 4 })).toMatchObject({ texts: 2, extracted: 1, longest: 6, meanRun: 4.5 });
  expect(extractionOf([all, late, short], { prefix: 2, suffix: 3 }).rate?.value).toBe(1);
  expect(extractionOf([short], { prefix: 2, suffix: 4 })).toEqual({
    prefix: 2,
    suffix: 4,
    texts: 0,
    extracted: 0,
    longest: 0,
    meanRun: 0,
  });
  expect(() => extractionOf([all], { prefix: 0, suffix: 4 })).toThrow(/prefix/);
});
