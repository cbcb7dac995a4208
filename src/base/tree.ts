/**
 * Trees of leaves in plain objects, arrays and tuples: parameters, optimiser state, batches. A tree's paths name its leaves in files
 * (`blocks.0.attention.query`). Keys keep their order of insertion; that order is the order of leaves. Idea: JAX's pytrees.
 */

export type Tree<L> = L | { readonly [key: string]: Tree<L> | undefined } | readonly Tree<L>[];

/** The same tree with every leaf of type A replaced by type B. */
export type MapLeaves<T, A, B> = T extends A
  ? B
  : T extends readonly unknown[]
    ? { [K in keyof T]: MapLeaves<T[K], A, B> }
    : T extends object
      ? { [K in keyof T]: MapLeaves<T[K], A, B> }
      : T;

/** A leaf is whatever is neither an array nor a plain object. */
export const isBranch = (x: unknown): x is object => {
  if (Array.isArray(x)) return true;
  if (x === null || typeof x !== "object") return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

export function treePaths<L>(tree: Tree<L>, prefix = ""): [string, L][] {
  if (!isBranch(tree)) return [[prefix, tree as L]];
  return Object.entries(tree).flatMap(([k, v]) => (v === undefined ? [] : treePaths(v as Tree<L>, prefix ? `${prefix}.${k}` : k)));
}

export const treeLeaves = <L>(tree: Tree<L>): L[] => treePaths(tree).map(([, leaf]) => leaf);

/** Applies `f` to every leaf, and to the leaves of further trees of the same shape. */
export function treeMap<A, B>(f: (leaf: A, path: string, ...others: A[]) => B, tree: Tree<A>, ...others: Tree<A>[]): Tree<B> {
  const go = (t: unknown, path: string, os: unknown[]): unknown => {
    if (!isBranch(t)) return f(t as A, path, ...(os as A[]));
    const step = (k: string | number) => (path ? `${path}.${k}` : String(k));
    const pick = (k: string | number) =>
      os.map(o => {
        if (!isBranch(o) || !(k in o)) throw new TypeError(`treeMap: expected a tree of the same shape, got none at "${step(k)}"`);
        return (o as Record<string | number, unknown>)[k];
      });
    if (Array.isArray(t)) return t.map((v, i) => go(v, step(i), pick(i)));
    return Object.fromEntries(
      Object.entries(t)
        .filter(([, v]) => v !== undefined)
        .map(([k, v]) => [k, go(v, step(k), pick(k))]),
    );
  };
  return go(tree, "", others) as Tree<B>;
}

/** Rebuilds a tree of the shape of `like` from leaves in order. */
export function treeFrom<A, B>(like: Tree<A>, leaves: readonly B[]): Tree<B> {
  let i = 0;
  const built = treeMap<A, B>((_: A) => {
    if (i >= leaves.length) throw new TypeError(`treeFrom: expected more leaves than ${leaves.length}`);
    return leaves[i++]!;
  }, like);
  if (i !== leaves.length) throw new TypeError(`treeFrom: expected ${i} leaves, got ${leaves.length}`);
  return built;
}
