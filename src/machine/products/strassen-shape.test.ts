import { expect, test } from "vitest";
import { terms } from "./strassen-shape.ts";

test("the seven products give each part of the result, and meet it first with a plus", () => {
  const name = (side: string, [i, j]: readonly [number, number]) => `${side}${i}${j}`;
  const sums = new Map<string, Map<string, number>>();
  for (const { a, b, to } of terms)
    for (const [part, sign] of to) {
      const key = name("c", part);
      if (!sums.has(key)) expect(sign).toBe(1);
      const sum = sums.get(key) ?? new Map<string, number>();
      sums.set(key, sum);
      const parts = (side: "a" | "b", s: typeof a) => [
        [name(side, s.first), 1] as const,
        ...(s.second ? [[name(side, s.second.part), s.second.sign] as const] : []),
      ];
      for (const [x, p] of parts("a", a))
        for (const [y, q] of parts("b", b)) sum.set(`${x} ${y}`, (sum.get(`${x} ${y}`) ?? 0) + sign * p * q);
    }
  for (const i of [0, 1])
    for (const j of [0, 1]) {
      const left = [...sums.get(`c${i}${j}`)!].filter(([, n]) => n !== 0);
      expect(Object.fromEntries(left)).toEqual({ [`a${i}0 b0${j}`]: 1, [`a${i}1 b1${j}`]: 1 });
    }
});
