import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import { jaccard } from "../near-duplicates/index.ts";
import { filterOf, mayBeLike } from "./compare.ts";

const hash = fc.oneof(fc.nat(12), fc.nat(2 ** 32 - 1)).map(x => Math.imul(x, 0x9e3779b1) >>> 0);
const hashes = fc.array(hash, { minLength: 1, maxLength: 40 });

test("whoever is like a held-out set is let through, however often its shingles come", () => {
  fc.assert(
    fc.property(
      hashes,
      fc.array(hashes, { maxLength: 3 }),
      fc.array(hash, { maxLength: 20 }),
      fc.constantFrom(0.3, 0.5, 0.7, 0.9, 1),
      (held, others, own, threshold) => {
        const filter = filterOf([held, ...others].map(h => Uint32Array.from(new Set(h))));
        for (const candidate of [held, [...held, ...own], [...held, ...held.slice(3), ...own], [...own, ...own, ...held.slice(1)], own]) {
          const set = Uint32Array.from(candidate);
          if (jaccard(set, Uint32Array.from(held)) >= threshold && threshold > 0) expect(mayBeLike(set, filter, threshold)).toBe(true);
        }
      },
    ),
  );
});

test("hardly anything else is", () => {
  const draw = random("filter");
  const some = (n: number) => Uint32Array.from({ length: n }, () => draw.u32());
  const held = Array.from({ length: 200 }, () => some(300));
  const filter = filterOf(held);
  for (let i = 0; i < 200; i++) {
    const half = held[i]!.slice(0, 150);
    expect(mayBeLike(some(300), filter, 0.7)).toBe(false);
    expect(mayBeLike(Uint32Array.from([...half, ...some(150)]), filter, 0.7)).toBe(false);
  }
  expect(mayBeLike(new Uint32Array(0), filter, 0.7)).toBe(false);
});
