/** Disjoint sets of 0..n-1 (Tarjan 1975): path halving, and the smaller number as root, so that the result never depends on the order of unions. */
export interface UnionFind {
  find(x: number): number;
  /** Whether two sets became one. */
  union(a: number, b: number): boolean;
}

export function unionFind(n: number): UnionFind {
  const parent = Uint32Array.from({ length: n }, (_, i) => i);
  const find = (x: number): number => {
    let at = x;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  return {
    find,
    union(a, b) {
      const [x, y] = [find(a), find(b)];
      if (x === y) return false;
      parent[Math.max(x, y)] = Math.min(x, y);
      return true;
    },
  };
}
