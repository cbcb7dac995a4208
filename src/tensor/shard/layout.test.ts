import fc from "fast-check";
import { expect, test } from "vitest";
import { sizeOf } from "../dtype.ts";
import {
  canonical,
  layoutKey,
  localShape,
  reshapedShardLayout,
  type Sharding,
  shapeOfLayout,
  shardLayoutOf,
  shardOffsets,
  splitAxes,
  unionLayout,
  wholeLayout,
  withoutAxis,
} from "./layout.ts";
import { coordinatesOf, meshOf } from "./mesh.ts";

const mesh = meshOf({ data: 2, sequence: 2, tensor: 3 });
const ranks = Array.from({ length: mesh.ranks }, (_, rank) => coordinatesOf(mesh, rank));
const shapes = fc.array(fc.constantFrom(1, 2, 3, 4, 6, 12), { minLength: 1, maxLength: 4 });
/** A layout that may be had of a shape, with each axis over some dimension or none. */
const layouts = shapes.chain(shape =>
  fc.record({ data: fc.nat(shape.length), sequence: fc.nat(shape.length), tensor: fc.nat(shape.length) }).map(wanted => {
    const split: Record<string, number> = {};
    for (const [axis, dimension] of Object.entries(wanted)) {
      const next = { ...split, [axis]: dimension };
      try {
        if (dimension < shape.length) shardLayoutOf(mesh, shape, { split: next } as Sharding, "law");
        if (dimension < shape.length) split[axis] = dimension;
      } catch {}
    }
    return { shape, layout: shardLayoutOf(mesh, shape, { split } as Sharding, "law") };
  }),
);

test("the ranks' parts cover an array, each element as often as there are ranks that hold the same", () => {
  fc.assert(
    fc.property(layouts, ({ shape, layout }) => {
      const counts = new Int32Array(sizeOf(shape));
      for (const at of ranks) {
        const own = shardOffsets(layout, mesh, at);
        expect(own).toHaveLength(sizeOf(localShape(layout, mesh)));
        for (const o of own) counts[o]!++;
      }
      const parts = splitAxes(layout).reduce((n, axis) => n * mesh.sizes[axis], 1);
      expect(new Set(counts)).toEqual(new Set([mesh.ranks / parts]));
      expect(shapeOfLayout(layout)).toEqual(shape);
    }),
  );
});

test("in another shape a rank keeps its elements in their order", () => {
  fc.assert(
    fc.property(layouts, fc.nat(99), ({ shape, layout }, pick) => {
      const size = sizeOf(shape);
      // the dimensions of another shape of as many elements
      const divisors = Array.from({ length: size }, (_, i) => i + 1).filter(d => size % d === 0);
      const first = divisors[pick % divisors.length]!;
      for (const other of [[size], [first, size / first], [1, size / first, first], shape.toReversed()]) {
        const { layout: made, from } = reshapedShardLayout(layout, other, mesh);
        expect(shapeOfLayout(made)).toEqual(other);
        for (const at of ranks) expect(shardOffsets(made, mesh, at)).toEqual(shardOffsets(from, mesh, at));
      }
    }),
  );
});

test("rows of parted batches and parted sequences keep both parts, there and back", () => {
  const layout = shardLayoutOf(mesh, [4, 6, 9], { split: { data: 0, sequence: 1 } }, "law");
  const rows = reshapedShardLayout(layout, [24, 9], mesh);
  expect(rows.from).toBe(layout);
  expect(rows.layout.dimensions[0]).toEqual([
    { size: 4, axis: "data" },
    { size: 6, axis: "sequence" },
  ]);
  expect(layoutKey(reshapedShardLayout(rows.layout, [4, 6, 9], mesh).layout)).toBe(layoutKey(layout));
  // heads of a parted width
  const heads = reshapedShardLayout(shardLayoutOf(mesh, [4, 6, 12], { split: { tensor: 2 } }, "law"), [4, 6, 3, 4], mesh);
  expect(heads.layout.dimensions[2]).toEqual([{ size: 3, axis: "tensor" }]);
  // four heads cannot be shared out to three ranks
  expect(splitAxes(reshapedShardLayout(shardLayoutOf(mesh, [4, 6, 12], { split: { tensor: 2 } }, "law"), [4, 6, 4, 3], mesh).from)).toEqual(
    [],
  );
});

test("one form: whole factors are joined, and belong to a parted one in front", () => {
  expect(canonical([{ size: 2 }, { size: 3 }, { size: 1 }])).toEqual([{ size: 6 }]);
  expect(canonical([{ size: 4, axis: "data" }, { size: 3 }])).toEqual([{ size: 12, axis: "data" }]);
  expect(canonical([{ size: 3 }, { size: 4, axis: "data" }])).toEqual([{ size: 3 }, { size: 4, axis: "data" }]);
});

test("a result's axes are its operands', those of the largest first, each once", () => {
  const x = shardLayoutOf(mesh, [4, 6], { split: { data: 0 } }, "law");
  const row = shardLayoutOf(mesh, [6], { split: { tensor: 0 } }, "law");
  expect(
    splitAxes(
      unionLayout(
        [4, 6],
        [
          { shape: [4, 6], layout: x },
          { shape: [6], layout: row },
        ],
      ),
    ),
  ).toEqual(["data", "tensor"]);
  const column = shardLayoutOf(mesh, [4, 1], { split: { data: 0 } }, "law");
  const turned = shardLayoutOf(mesh, [4, 6], { split: { data: 1 } }, "law");
  const made = unionLayout(
    [4, 6],
    [
      { shape: [4, 1], layout: column },
      { shape: [4, 6], layout: turned },
    ],
  );
  expect(layoutKey(made)).toBe(layoutKey(turned));
  expect(layoutKey(withoutAxis(turned, "data"))).toBe(layoutKey(wholeLayout([4, 6])));
});

test("dimensions that an axis does not divide, or that do not exist, are refused", () => {
  expect(() => shardLayoutOf(mesh, [4, 7], { split: { tensor: 1 } }, "input x")).toThrow(
    /input x: expected dimension 1 of \[4, 7\] to be a multiple of tensor \(3\), got 7/,
  );
  expect(() => shardLayoutOf(mesh, [4], { split: { data: 1 } }, "x")).toThrow(/a dimension of \[4\] for "data", got 1/);
  expect(() => shardLayoutOf(mesh, [4], { split: { data: 0 }, partial: ["data"] }, "x")).toThrow(/both for "data"/);
});
