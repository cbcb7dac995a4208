import fc from "fast-check";
import { expect, test } from "vitest";
import {
  appendLeaf,
  checkConsistency,
  checkInclusion,
  consistencyProof,
  emptyRoot,
  type Frontier,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  rootOfFrontier,
} from "./merkle.ts";

// Reference data of RFC 6962's own implementation: certificate-transparency, cpp/merkletree/merkle_tree_test.cc (test inputs, roots, paths, proofs).
const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const roots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const paths: [index: number, size: number, proof: string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [
    5,
    8,
    [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
  [2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]],
  [
    1,
    5,
    [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  ],
];
const proofs: [first: number, size: number, proof: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [
    6,
    8,
    [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
  [
    2,
    5,
    [
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  ],
];
const leaves = inputs.map(hex => leafHash(Buffer.from(hex, "hex")));

test("the roots of RFC 6962's reference data come out, leaf by leaf", () => {
  expect(rootOf([])).toBe(emptyRoot);
  expect(emptyRoot).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const [i, root] of roots.entries()) expect(rootOf(leaves.slice(0, i + 1))).toBe(root);
});

test("the audit paths of the reference data come out and are accepted", () => {
  for (const [index, size, proof] of paths) {
    expect(inclusionProof(leaves.slice(0, size), index)).toEqual(proof);
    expect(checkInclusion(leaves[index]!, index, size, proof, roots[size - 1]!)).toBe(true);
  }
});

test("the consistency proofs of the reference data come out and are accepted", () => {
  for (const [first, size, proof] of proofs) {
    expect(consistencyProof(leaves.slice(0, size), first)).toEqual(proof);
    expect(checkConsistency(first, size, roots[first - 1]!, roots[size - 1]!, proof)).toBe(true);
  }
});

/** The definition of RFC 6962, section 2.1, word for word: the judge of the incremental form. */
const defined = (l: readonly string[]): string => {
  if (l.length === 0) return emptyRoot;
  if (l.length === 1) return l[0]!;
  let k = 1;
  while (k * 2 < l.length) k *= 2;
  return nodeHash(defined(l.slice(0, k)), defined(l.slice(k)));
};
const many = Array.from({ length: 200 }, (_, i) => leafHash(`leaf ${i}`));

test("appending one by one equals the definition at every size", () => {
  let frontier: Frontier = [];
  for (const [i, leaf] of many.entries()) {
    frontier = appendLeaf(frontier, i, leaf);
    expect(rootOfFrontier(frontier)).toBe(defined(many.slice(0, i + 1)));
  }
});

const flip = (hex: string, nibble: number): string => {
  const at = nibble % hex.length;
  return hex.slice(0, at) + (Number.parseInt(hex[at]!, 16) ^ 1).toString(16) + hex.slice(at + 1);
};

test("every leaf proves to be in; a changed leaf, place, size, path or root does not", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat(), (size, a, b) => {
      const index = a % size;
      const root = rootOf(many.slice(0, size));
      const proof = inclusionProof(many.slice(0, size), index);
      expect(checkInclusion(many[index]!, index, size, proof, root)).toBe(true);
      expect(checkInclusion(flip(many[index]!, b), index, size, proof, root)).toBe(false);
      expect(checkInclusion(many[index]!, index, size, proof, flip(root, b))).toBe(false);
      if (size > 1) {
        const other = (index + 1 + (b % (size - 1))) % size;
        expect(checkInclusion(many[index]!, other, size, proof, root)).toBe(false);
        const changed = proof.map((p, i) => (i === b % proof.length ? flip(p, a) : p));
        expect(checkInclusion(many[index]!, index, size, changed, root)).toBe(false);
        expect(checkInclusion(many[index]!, index, size, proof.slice(1), root)).toBe(false);
        expect(checkInclusion(many[index]!, index, size, [...proof, root], root)).toBe(false);
      }
    }),
  );
});

test("every earlier tree proves to be a beginning; a rewritten history does not", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 200 }), fc.nat(), fc.nat(), (size, a, b) => {
      const first = 1 + (a % (size - 1));
      const [firstRoot, root] = [rootOf(many.slice(0, first)), rootOf(many.slice(0, size))];
      const proof = consistencyProof(many.slice(0, size), first);
      expect(checkConsistency(first, size, firstRoot, root, proof)).toBe(true);
      const rewritten = many.slice(0, size).map((leaf, i) => (i === b % first ? flip(leaf, a) : leaf));
      expect(checkConsistency(first, size, firstRoot, rootOf(rewritten), consistencyProof(rewritten, first))).toBe(false);
      expect(checkConsistency(first, size, flip(firstRoot, b), root, proof)).toBe(false);
      expect(checkConsistency(first, size, firstRoot, root, proof.slice(1))).toBe(false);
    }),
  );
});

test("places outside of the tree prove nothing, whatever is shown with them", () => {
  const size = 5;
  const root = rootOf(many.slice(0, size));
  for (const index of [-1, size, size + 1, Number.NaN])
    for (const proof of [[], inclusionProof(many.slice(0, size), 0), inclusionProof(many.slice(0, size), size - 1)])
      expect(checkInclusion(many[size - 1]!, index, size, proof, root), `${index}`).toBe(false);
  expect(checkInclusion(root, -1, 0, [], root)).toBe(false);
  expect(checkInclusion(root, 0, 0, [], root)).toBe(false);
  // a tree of one leaf is its leaf: nothing but the place refuses these
  for (const index of [-1, 1]) expect(checkInclusion(leaves[0]!, index, 1, [], roots[0]!)).toBe(false);
  for (const [first, of] of [
    [-1, 8],
    [9, 8],
    [2, 1],
    [Number.NaN, 8],
  ] as const)
    expect(checkConsistency(first, of, roots[0]!, roots[0]!, []), `${first} of ${of}`).toBe(false);
});

test("a tree begins with itself and with the empty one, by an empty proof and by no other", () => {
  for (let size = 1; size <= 8; size++) {
    const root = roots[size - 1]!;
    expect(checkConsistency(size, size, root, root, [])).toBe(true);
    expect(checkConsistency(size, size, root, root, [root])).toBe(false);
    expect(checkConsistency(size, size, flip(root, 3), root, [])).toBe(false);
    expect(checkConsistency(0, size, emptyRoot, root, [])).toBe(true);
    expect(checkConsistency(0, size, emptyRoot, root, [root])).toBe(false);
    expect(checkConsistency(0, size, flip(emptyRoot, 3), root, [])).toBe(false);
  }
});
