/**
 * Paths of tokens laid into rows as trees, so that what several share at their beginning is computed once: the choices of an item share its prompt,
 * items share their examples. Sorted paths that follow one another share the most; a row is a walk of the tree, parents first, so that a token's
 * number in the row and the number behind its last descendant say who sees whom (`Branches` of the nn room). Knows no model.
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

class RowBuilder {
  private readonly tokens: number[] = [];
  private readonly positions: number[] = [];
  private readonly exits: number[] = [];
  private readonly scored: { path: number; at: number; target: number }[] = [];
  private readonly own = new Map<number, number>();
  private readonly shares: boolean;
  /** The last path, and where its tokens are. */
  private last: readonly number[] = [];
  private places: number[] = [];

  constructor(shares: boolean) {
    this.shares = shares;
  }

  /** Tokens of the row with this path in it. */
  sizeWith(inputs: readonly number[]): number {
    return this.tokens.length + inputs.length - (this.shares ? sharedLength(this.last, inputs) : 0);
  }

  push(number: number, { inputs, targets }: Path): void {
    const shared = this.shares ? sharedLength(this.last, inputs) : 0;
    this.close(shared);
    for (let i = shared; i < inputs.length; i++) {
      this.places.push(this.tokens.length);
      this.tokens.push(inputs[i]!);
      this.positions.push(i);
      this.exits.push(0);
    }
    this.last = inputs;
    this.own.set(number, inputs.length - shared);
    const first = inputs.length - targets.length;
    targets.forEach((target, i) => {
      this.scored.push({ path: number, at: this.places[first + i]!, target });
    });
  }

  /** Nodes below the first `depth` of the last path have no more descendants. */
  private close(depth: number): void {
    while (this.places.length > depth) this.exits[this.places.pop()!] = this.tokens.length;
  }

  end(): TreeRow {
    this.close(0);
    const { tokens, positions, exits, scored, own } = this;
    return { tokens, positions, exits, scored, own };
  }
}

/**
 * Rows of paths, every path once, in an order that shares the most. `roomFor` gives the tokens of a row whose first path has so many. `shares`
 * false keeps every path by itself.
 */
export function layPaths(paths: readonly Path[], roomFor: (tokens: number) => number, shares = true): TreeRow[] {
  const order = paths.map((_, i) => i).sort((a, b) => compare(paths[a]!.inputs, paths[b]!.inputs) || a - b);
  const rows: TreeRow[] = [];
  let row: RowBuilder | undefined;
  let room = 0;
  for (const number of order) {
    const path = paths[number]!;
    if (row && row.sizeWith(path.inputs) > room) {
      rows.push(row.end());
      row = undefined;
    }
    if (!row) {
      row = new RowBuilder(shares);
      room = roomFor(path.inputs.length);
    }
    row.push(number, path);
  }
  if (row) rows.push(row.end());
  return rows;
}
