/**
 * Paths of tokens laid into rows as trees, so that what several share at their beginning is computed once: the choices of an item share its prompt,
 * items share their examples. Paths that share the most stay together as a unit; units go where they leave the least room (best fit, the largest
 * first). A row is a walk of its tree, parents first, so that a token's number in the row and the number behind its last descendant say who sees
 * whom (`Branches` of the nn room). Knows no model.
 */

/** Tokens that a model reads, and those that it should write after the last ones of them. */
export interface Path {
  readonly inputs: readonly number[];
  /** `targets[i]` follows `inputs[inputs.length - targets.length + i]`. */
  readonly targets: readonly number[];
}

export interface TreeRow {
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  /** Behind the last descendant of each token. */
  readonly exits: readonly number[];
  /** Which path each target belongs to, and the token of the row that it follows. */
  readonly scored: readonly { readonly path: number; readonly at: number; readonly target: number }[];
  /** Tokens of a path that no path before it in the row has: what it cost. */
  readonly own: ReadonlyMap<number, number>;
}

const compare = (a: readonly number[], b: readonly number[]): number => {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
};

function sharedLength(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

/** One row of paths in the order of their tokens. */
function rowOf(paths: readonly Path[], numbers: readonly number[], shares: boolean): TreeRow {
  const tokens: number[] = [];
  const positions: number[] = [];
  const exits: number[] = [];
  const scored: { path: number; at: number; target: number }[] = [];
  const own = new Map<number, number>();
  /** The last path, and where its tokens are. */
  let last: readonly number[] = [];
  const places: number[] = [];
  /** Nodes below the first `depth` of the last path have no more descendants. */
  const close = (depth: number) => {
    while (places.length > depth) exits[places.pop()!] = tokens.length;
  };
  for (const number of numbers) {
    const { inputs, targets } = paths[number]!;
    const shared = shares ? sharedLength(last, inputs) : 0;
    close(shared);
    for (let i = shared; i < inputs.length; i++) {
      places.push(tokens.length);
      tokens.push(inputs[i]!);
      positions.push(i);
      exits.push(0);
    }
    last = inputs;
    own.set(number, inputs.length - shared);
    const first = inputs.length - targets.length;
    targets.forEach((target, i) => {
      scored.push({ path: number, at: places[first + i]!, target });
    });
  }
  close(0);
  return { tokens, positions, exits, scored, own };
}

/** Paths sorted by their tokens, with what each has in common with the one before it: what rows of any width are made from. */
export interface SortedPaths {
  readonly paths: readonly Path[];
  readonly shares: boolean;
  /** Numbers of the paths. */
  readonly order: readonly number[];
  readonly shared: readonly number[];
  /** Tokens that all of them begin with. */
  readonly common: number;
  readonly longest: number;
}

/** `shares` false keeps every path by itself. */
export function sortedPaths(paths: readonly Path[], numbers: readonly number[], shares = true): SortedPaths {
  const order = [...numbers].sort((a, b) => compare(paths[a]!.inputs, paths[b]!.inputs) || a - b);
  const shared = order.map((n, i) => (i === 0 || !shares ? 0 : sharedLength(paths[order[i - 1]!]!.inputs, paths[n]!.inputs)));
  const common = shares && order.length > 1 ? sharedLength(paths[order[0]!]!.inputs, paths[order.at(-1)!]!.inputs) : 0;
  return { paths, shares, order, shared, common, longest: order.reduce((most, n) => Math.max(most, paths[n]!.inputs.length), 0) };
}

interface Unit {
  /** Places in the order, from this one to before that. */
  readonly from: number;
  readonly to: number;
  /** Tokens beyond what all paths begin with. */
  readonly size: number;
}

/** Neighbours that have more than a quarter of themselves in common, as far as the room reaches. */
function unitsOf({ paths, order, shared, common }: SortedPaths, room: number): Unit[] {
  const units: Unit[] = [];
  let [from, size] = [0, 0];
  order.forEach((number, i) => {
    const { length } = paths[number]!.inputs;
    const added = length - shared[i]!;
    const isNear = i > 0 && 4 * (shared[i]! - common) > length - common;
    if (i > 0 && (!isNear || common + size + added > room)) {
      units.push({ from, to: i, size });
      [from, size] = [i, 0];
    }
    size += i === from ? length - common : added;
  });
  if (order.length > 0) units.push({ from, to: order.length, size });
  return units;
}

/** Paths that stay together whatever the room, and the tokens that they take beyond what all paths begin with. */
export const kinOf = (sorted: SortedPaths): { readonly numbers: readonly number[]; readonly size: number }[] =>
  unitsOf(sorted, Number.POSITIVE_INFINITY).map(({ from, to, size }) => ({ numbers: sorted.order.slice(from, to), size }));

/** Units of each row: the largest first, each where it leaves the least. */
function packed(sorted: SortedPaths, room: number): Unit[][] {
  const rows: { left: number; readonly units: Unit[] }[] = [];
  for (const unit of unitsOf(sorted, room).sort((a, b) => b.size - a.size || a.from - b.from)) {
    let best: (typeof rows)[number] | undefined;
    for (const row of rows) if (row.left >= unit.size && (!best || row.left < best.left)) best = row;
    if (!best) {
      best = { left: room - sorted.common, units: [] };
      rows.push(best);
    }
    best.left -= unit.size;
    best.units.push(unit);
  }
  return rows.map(r => r.units);
}

/** How many rows of so much room the paths fill. */
export const countRows = (sorted: SortedPaths, room: number): number => packed(sorted, room).length;

/** The rows of paths, every path once. `room`: tokens of a row, as many as the longest path has at least. */
export const layPaths = (sorted: SortedPaths, room: number): TreeRow[] =>
  packed(sorted, room).map(units =>
    rowOf(
      sorted.paths,
      [...units].sort((a, b) => a.from - b.from).flatMap(u => sorted.order.slice(u.from, u.to)),
      sorted.shares,
    ),
  );
