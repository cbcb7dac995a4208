import fc from "fast-check";
import { expect, test } from "vitest";
import { checkMeshFits, coordinatesOf, groupsAlong, type MeshAxis, meshAxes, meshGroupOf, meshOf, rankAt, showMesh } from "./mesh.ts";

const size = fc.integer({ min: 1, max: 3 });
const meshes = fc.record({ pipeline: size, data: size, sequence: size, tensor: size }).map(sizes => meshOf(sizes));
const someAxes = fc.subarray([...meshAxes]) as fc.Arbitrary<MeshAxis[]>;

test("rank and coordinates are each other's inverse", () => {
  fc.assert(
    fc.property(meshes, mesh => {
      for (let rank = 0; rank < mesh.ranks; rank++) expect(rankAt(mesh, coordinatesOf(mesh, rank))).toBe(rank);
    }),
  );
});

test("groups along axes part the ranks, in the order of their coordinates, and all members have one group", () => {
  fc.assert(
    fc.property(meshes, someAxes, (mesh, axes) => {
      const groups = groupsAlong(mesh, axes);
      expect(groups.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: mesh.ranks }, (_, i) => i));
      for (const group of groups) {
        expect(group).toHaveLength(axes.reduce((n, axis) => n * mesh.sizes[axis], 1));
        for (const rank of group) {
          expect(meshGroupOf(mesh, rank, axes)).toEqual(group);
          for (const axis of meshAxes)
            if (!axes.includes(axis)) expect(coordinatesOf(mesh, rank)[axis]).toBe(coordinatesOf(mesh, group[0]!)[axis]);
        }
      }
    }),
  );
});

test("ranks of a tensor group are neighbours", () => {
  expect(groupsAlong(meshOf({ data: 2, tensor: 2 }), ["tensor"])).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(showMesh(meshOf({ tensor: 2, data: 4 }))).toBe("data=4, tensor=2");
});

test("a mesh that cannot be is refused with what it may be", () => {
  expect(() => meshOf({ model: 2 } as never)).toThrow(/mesh: expected an axis of pipeline, data, expert, sequence, tensor, got "model"/);
  expect(() => meshOf({ data: 0 })).toThrow(/mesh\.data: expected a whole number from 1, got 0/);
  expect(() => meshOf({ data: 1.5 })).toThrow(/whole number/);
  expect(() => meshOf({ expert: 2 })).toThrow(/mesh\.expert: expected 1, got 2\. No layer has experts/);
  expect(() => meshOf({ data: 2 ** 17 })).toThrow(/at most 65536 ranks/);
  expect(() => coordinatesOf(meshOf({ data: 2 }), 2)).toThrow(/a rank from 0 to 1 \(data=2\), got 2/);
});

test("sizes that an axis does not divide are named with both numbers and what would fit", () => {
  const mesh = meshOf({ tensor: 4, pipeline: 3 });
  checkMeshFits(mesh, [
    { name: "model.heads", size: 8, axis: "tensor" },
    { name: "model.layers", size: 4, axis: "pipeline", isUneven: true },
  ]);
  expect(() => checkMeshFits(mesh, [{ name: "model.heads", size: 6, axis: "tensor" }], "train.mesh")).toThrow(
    /train\.mesh\.tensor: expected a divisor of model\.heads \(6\), got 4\. Use tensor: 1, 2, 3, 6\./,
  );
  expect(() => checkMeshFits(mesh, [{ name: "model.layers", size: 2, axis: "pipeline", isUneven: true }])).toThrow(
    /expected at most model\.layers \(2\), got 3\. Use pipeline: 1 to 2\./,
  );
});
