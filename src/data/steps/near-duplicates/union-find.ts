/** Disjoint sets of numbers from 0 on (Tarjan 1975): path halving, and the smaller number as root, so that the result never depends on the order of unions. */
export interface UnionFind {
  find(x: number): number;
  /** Whether two sets became one. */
  union(a: number, b: number): boolean;
}

/** Each number alone at first; those from `n` on come up on the way. 4 bytes a number. */
export function unionFind(n = 0): UnionFind {
  let parent = Uint32Array.from({ length: n }, (_, i) => i);
  let size = n;
  const reach = (x: number) => {
    if (x >= parent.length) {
      const more = new Uint32Array(Math.max(256, x + 1, Math.ceil(parent.length * 1.5)));
      more.set(parent);
      parent = more;
    }
    for (; size <= x; size++) parent[size] = size;
  };
  const find = (x: number): number => {
    if (x >= size) reach(x);
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
