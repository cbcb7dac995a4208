/** Detectors signal as often as they are declared to, on the side that they look at, and hold a signal until values are usual again. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type Detector, type DetectorInput, type DetectorName, detectors, holdRatio } from "./detectors.ts";

/** Mean values until the first signal, and its standard error. */
function firstSignals(detector: Detector, input: () => DetectorInput, runs: number) {
  let [sum, squares] = [0, 0];
  for (let run = 0; run < runs; run++) {
    let [state, length] = [detector.start, 0];
    for (;;) {
      length++;
      const result = detector.observe(state, input(), false)!;
      if (result.ratio >= 1) break;
      state = result.state;
    }
    sum += length;
    squares += length * length;
  }
  const mean = sum / runs;
  return { mean, error: Math.sqrt((squares / runs - mean * mean) / runs) };
}

describe("of standardised values", () => {
  const runLength = 200;
  test.each(
    (["ewma", "cusum", "creep", "pair"] as const).flatMap(name => (["both", "above", "below"] as const).map(side => ({ name, side }))),
  )("$name, $side: a signal in 200 values of nothing", ({ name, side }) => {
    const draw = random(`${name} ${side}`);
    const { mean, error } = firstSignals(
      detectors[name](runLength, side),
      () => {
        const z = draw.normal();
        return { z, slow: z };
      },
      900,
    );
    expect(Math.abs(mean - runLength)).toBeLessThan(4 * error);
  });

  test("jump: 200 values or more of nothing, and a jump's moment", () => {
    const draw = random("jump");
    const detector = detectors.jump(runLength, "both");
    const quiet = firstSignals(detector, () => ({ slow: draw.normal() }), 300);
    expect(quiet.mean).toBeGreaterThan(runLength - 4 * quiet.error);
    let state = detector.start;
    for (let i = 0; i < 60; i++) state = detector.observe(state, { slow: draw.normal() / 2 }, true)!.state;
    let found: { readonly at: number; readonly ago: number; readonly side: string } | undefined;
    for (let i = 1; !found; i++) {
      const result = detector.observe(state, { slow: -2 }, true)!;
      state = result.state;
      if (result.ratio >= 1) found = { at: i, ago: result.ago!, side: result.side };
    }
    expect(found.at).toBeLessThan(8);
    expect(Math.abs(found.ago - found.at)).toBeLessThanOrEqual(2);
    expect(found.side).toBe("below");
    expect(state).toEqual([]);
  });

  test.each(["ewma", "cusum", "creep"] as const)("%s: the other side is none of its business", name => {
    const detector = detectors[name](100, "above");
    let state = detector.start;
    for (let i = 0; i < 100; i++) {
      const result = detector.observe(state, { slow: -4 }, true)!;
      expect(result.ratio).toBe(0);
      state = result.state;
    }
    let found = 0;
    for (let i = 1; found === 0; i++) {
      const result = detector.observe(state, { slow: 3 }, true)!;
      state = result.state;
      if (result.ratio >= 1) found = i;
    }
    expect(found).toBeLessThan(12);
  });

  test.each(["cusum", "creep"] as const)("%s: a long shift does not make it slow to end, and says how long it has been", name => {
    const detector = detectors[name](1000, "both");
    let state = detector.start;
    let ago = 0;
    for (let i = 0; i < 500; i++) ({ state, ago = 0 } = detector.observe(state, { slow: 2 }, true)!);
    expect(ago).toBe(500);
    let over = 0;
    for (let i = 1; over === 0; i++) {
      const result = detector.observe(state, { slow: 0 }, true)!;
      state = result.state;
      if (result.ratio < holdRatio) over = i;
    }
    // half of its limit, at its allowance a value
    expect(over).toBeLessThan(30);
  });

  test("pair: one value far out is none, two of three are, and the next usual ones end it", () => {
    const detector = detectors.pair(1000, "above");
    const ratios = (zs: readonly number[]) => {
      let state = detector.start;
      return zs.map(z => {
        const result = detector.observe(state, { z }, false)!;
        state = result.state;
        return result.ratio;
      });
    };
    expect(ratios([9, 0, 0, 0])).toEqual([holdRatio, holdRatio, holdRatio, 0]);
    expect(ratios([9, 0, 9, 0, 0])).toEqual([holdRatio, holdRatio, 1, holdRatio, holdRatio]);
    expect(ratios([9, 0, 0, 9])).toEqual([holdRatio, holdRatio, holdRatio, holdRatio]);
    expect(ratios([-9, -9, -9])).toEqual([0, 0, 0]);
  });

  test("pair: values with a heavy tail move its limit out, until they are beyond it as seldom as normal ones", () => {
    const draw = random("tail");
    const detector = detectors.pair(2000, "above");
    const heavy = () => draw.normal() / Math.sqrt(Math.max(0.05, (draw.normal() ** 2 + draw.normal() ** 2 + draw.normal() ** 2) / 3));
    let [state, signals] = [detector.start, 0];
    const [learnt, judged] = [40_000, 60_000];
    for (let i = 0; i < learnt + judged; i++) {
      const result = detector.observe(state, { z: heavy() }, true)!;
      state = result.state;
      if (i >= learnt && result.ratio >= 1) signals++;
    }
    expect(state[2]).toBeGreaterThan(1.4 * detector.start[2]!);
    expect(signals).toBeLessThan(3 * (judged / 2000));
    expect(detector.observe(detector.start, { z: 99 }, false)!.state[2]).toBe(detector.start[2]);
  });
});

describe("of shares", () => {
  test("tail: a window whose chance is one in a run length, halved where both sides count", () => {
    const [one, two] = [detectors.tail(100, "above"), detectors.tail(100, "both")];
    const ratio = (d: Detector, above: number, below: number) => d.observe([], { tails: { above, below } }, true)!.ratio;
    expect([ratio(one, 0.01, 1), ratio(one, 0.0101, 1), ratio(one, 0.06, 1), ratio(one, 1, 0.0001)]).toEqual([1, holdRatio, 0, 0]);
    expect([ratio(two, 0.005, 1), ratio(two, 0.0051, 1), ratio(two, 1, 0.005)]).toEqual([1, holdRatio, 1]);
  });

  test("likelihood: 100 windows or more of nothing, and few of twice the share", () => {
    const draw = random("likelihood");
    const windows = (p: number) => () => {
      let count = 0;
      for (let i = 0; i < 50; i++) if (draw.uniform() < p) count++;
      const of = (q: number) => count * Math.log(q / 0.04) + (50 - count) * Math.log((1 - q) / 0.96);
      return { likelihood: { above: of(0.08), below: of(0.02) } };
    };
    for (const side of ["above", "both"] as const) {
      const { mean, error } = firstSignals(detectors.likelihood(100, side), windows(0.04), 300);
      expect(mean).toBeGreaterThan(100 - 4 * error);
    }
    expect(firstSignals(detectors.likelihood(100, "above"), windows(0.12), 300).mean).toBeLessThan(5);
    expect(firstSignals(detectors.likelihood(100, "below"), windows(0.001), 300).mean).toBeLessThan(12);
  });
});

test("a minute without what a detector looks at changes nothing", () => {
  for (const name of Object.keys(detectors) as DetectorName[]) {
    const detector = detectors[name](100, "above");
    expect(detector.observe(detector.start, {}, true), name).toBeUndefined();
  }
});
