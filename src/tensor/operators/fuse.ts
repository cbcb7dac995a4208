/**
 * Chains of operations on elements within a graph, with sums over their rows, and a product that they begin with: which nodes are computed by one
 * operator. A node joins a chain where its readers are in it, or come after the chain's last node: then it is an output too. So whatever reads a
 * chain comes after all of it, and joining cannot make a circle. What only results of the graph follow from comes as late as it likes.
 */
import { canReadWords, type ProductShape, takesEpilogue } from "../../machine/index.ts";
import { type Graph, nodesOf } from "../graph.ts";
import type { Shape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";
import {
  type Chain,
  chainInput,
  chainProgramOf,
  columnsOf,
  isLong,
  isOfElements,
  isOfRowNumbers,
  sameRows,
  sumsRows,
  type Wanted,
} from "./chain-program.ts";
import { type Reading, readingsIn, wordsSource } from "./readings.ts";

interface Fused {
  /** Chains by their last nodes. */
  readonly chains: ReadonlyMap<Tensor, Chain>;
  /** Nodes of chains that are not the last ones. */
  readonly inside: ReadonlySet<Tensor>;
}
export const noneFused: Fused = { chains: new Map(), inside: new Set() };

/** Smaller arrays stay in the nearest caches from one kernel to the next. */
const leastElements = 8192;
const mostNodes = 40;

interface FuseOptions {
  /** Is a product computed by an operator of our own, so that a sum behind it is free to go elsewhere? */
  readonly isApart?: (product: Tensor) => boolean;
  /** The shape of a product that is computed by an operator of our own which may go on with a chain. */
  readonly productOf?: (t: Tensor) => ProductShape | undefined;
  /** Nodes that are computed elsewhere. */
  readonly others?: ReadonlySet<Tensor>;
}

/** Would a product of our own take an operand as words of bf16? */
export const takesWords = (shape: ProductShape | undefined, input: number): boolean =>
  shape !== undefined && input < 2 && canReadWords(shape.form, shape.inner, input === 0 ? !shape.transposeA : shape.transposeB);

/**
 * Small nodes from which nothing but results of the graph follows, through small ones (a norm's gain's gradient, the gradient's norm): they may
 * wait for what they read, as no chain waits for them.
 */
function lateNodes(nodes: readonly Tensor[], results: ReadonlySet<Tensor>): Set<Tensor> {
  const readers = new Map<Tensor, Tensor[]>();
  for (const t of nodes) for (const x of t.inputs) readers.set(x, [...(readers.get(x) ?? []), t]);
  const late = new Set<Tensor>();
  for (const t of nodes.toReversed()) {
    const by = readers.get(t) ?? [];
    if (t.size < leastElements && (by.length > 0 || results.has(t)) && by.every(r => late.has(r))) late.add(t);
  }
  return late;
}

/** What the search for chains knows of a graph. */
class ChainSearch {
  readonly nodes: readonly Tensor[];
  readonly #place: ReadonlyMap<Tensor, number>;
  readonly readings: (t: Tensor) => readonly Reading[];
  readonly #results: ReadonlySet<Tensor>;
  readonly #late: ReadonlySet<Tensor>;
  readonly #readers = new Map<Tensor, number>();
  readonly #isApart: (product: Tensor) => boolean;
  readonly #others: ReadonlySet<Tensor>;
  readonly #shapeOf: (t: Tensor) => ProductShape | undefined;

  constructor(g: Graph, { isApart = () => false, productOf = () => undefined, others = new Set() }: FuseOptions) {
    this.nodes = nodesOf(g);
    this.#place = new Map(this.nodes.map((t, i) => [t, i]));
    this.#results = new Set(g.outputs);
    this.#late = lateNodes(this.nodes, this.#results);
    for (const t of this.nodes) for (const x of new Set(t.inputs)) this.#readers.set(x, (this.#readers.get(x) ?? 0) + 1);
    this.#isApart = isApart;
    this.#others = others;
    const shapes = new Map<Tensor, ProductShape | undefined>();
    this.#shapeOf = t => {
      if (!shapes.has(t)) shapes.set(t, productOf(t));
      return shapes.get(t);
    };
    this.readings = readingsIn(g, (by, input) => takesWords(this.#shapeOf(by), input));
  }

  placeOf(t: Tensor): number {
    return this.#place.get(t)!;
  }
  isAfter(t: Tensor | undefined, last: Tensor): boolean {
    return t === undefined || this.#late.has(t) || this.placeOf(t) > this.placeOf(last);
  }
  isResult(t: Tensor): boolean {
    return this.#results.has(t) || this.readings(t).some(r => r.by === undefined);
  }

  /** A node of elements that may be in a chain. */
  isElementwise(t: Tensor): boolean {
    return (
      t.size >= leastElements &&
      !this.#others.has(t) &&
      isOfElements(t) &&
      // the engine adds a bias within its own product
      !(isKind(t, "add") && t.inputs.some(x => isKind(x, "matmul") && this.#readers.get(x) === 1 && !this.#isApart(x)))
    );
  }
  /** A product whose rows a chain may go over. */
  isProduct(t: Tensor): boolean {
    const shape = this.#shapeOf(t);
    const [, , bias] = t.inputs;
    return (
      shape !== undefined &&
      takesEpilogue(shape) &&
      t.size >= leastElements &&
      columnsOf(t.shape) === shape.columns &&
      (bias === undefined || (bias.dtype === "f32" && (bias.size === 1 || sameRows(bias.shape, t.shape) || bias.size === shape.columns)))
    );
  }
  isOfRow(t: Tensor, shape: Shape): boolean {
    return !this.#others.has(t) && !this.#results.has(t) && (sumsRows(t, shape) || isOfRowNumbers(t, shape));
  }
}

/** A chain that grows from its last node. */
class GrowingChain {
  readonly #search: ChainSearch;
  readonly #last: Tensor;
  readonly #taken: ReadonlySet<Tensor>;
  readonly members: Set<Tensor>;
  #product: Tensor | undefined;
  found: Chain | undefined;

  constructor(search: ChainSearch, last: Tensor, taken: ReadonlySet<Tensor>) {
    this.#search = search;
    this.#last = last;
    this.#taken = taken;
    this.members = new Set([last]);
    if (search.isProduct(last)) this.#product = last;
    this.found = this.#programOf(this.members, this.#product);
  }

  /** In which types readers outside read a member. */
  readonly #wanted = (t: Tensor): Wanted => {
    const outside = this.#search.readings(t).filter(r => this.#search.isAfter(r.by, this.#last));
    return { floats: outside.some(r => !r.asWords), words: outside.some(r => r.asWords) };
  };

  #programOf(nodes: ReadonlySet<Tensor>, product: Tensor | undefined): Chain | undefined {
    const sorted = [...nodes].sort((a, b) => this.#search.placeOf(a) - this.#search.placeOf(b));
    return chainProgramOf(sorted, this.#wanted, product);
  }

  /** Do all that read a node come after the chain, or are members that read its elements? */
  #isFree(next: Tensor, isWhole: boolean): boolean {
    return this.#search
      .readings(next)
      .every(
        ({ by, asWords }) =>
          (by !== undefined && this.members.has(by) && !asWords && by !== this.#product) ||
          (isWhole && this.#search.isAfter(by, this.#last)),
      );
  }

  /** Is a product one that the chain can go on from? Its results must not lie where something is that it still reads: they are none of the program's. */
  #takesProduct(next: Tensor): boolean {
    return (
      this.#product === undefined &&
      this.#search.isProduct(next) &&
      next.inputs.every(x => !this.members.has(wordsSource(x)) && !this.members.has(x)) &&
      ![next, ...this.members].some(t => this.#search.isResult(t))
    );
  }

  /** Takes in one node after another, the newest first: all its readers have been decided about. */
  grow(): void {
    const search = this.#search;
    const refused = new Set<Tensor>();
    while (this.members.size < mostNodes) {
      const candidates = [...this.members]
        .flatMap(t => (t === this.#product ? [] : t.inputs.map(chainInput)))
        .filter(x => !this.members.has(x) && !refused.has(x));
      if (candidates.length === 0) return;
      const next = candidates.reduce((a, b) => (search.placeOf(a) > search.placeOf(b) ? a : b));
      refused.add(next);
      if (this.#taken.has(next)) continue;
      const isWhole = sameRows(next.shape, this.#last.shape);
      const isProduct = isWhole && this.#takesProduct(next);
      const joins = isProduct || (isWhole ? search.isElementwise(next) : search.isOfRow(next, this.#last.shape));
      if (!joins || !this.#isFree(next, isWhole) || (this.#product !== undefined && search.isResult(next))) continue;
      const product = isProduct ? next : this.#product;
      const grown = this.#programOf(new Set([...this.members, next]), product);
      if (!grown) continue;
      this.members.add(next);
      this.#product = product;
      this.found = grown;
    }
  }
}

/** The chains of a graph. */
export function fusedIn(g: Graph, options: FuseOptions = {}): Fused {
  const search = new ChainSearch(g, options);
  const inside = new Set<Tensor>();
  const chains = new Map<Tensor, Chain>();
  const taken = new Set<Tensor>();
  for (const last of search.nodes.toReversed()) {
    const begins = search.isElementwise(last) || (last.inputs.length === 3 && search.isProduct(last) && !search.isResult(last));
    if (taken.has(last) || !begins) continue;
    const chain = new GrowingChain(search, last, taken);
    chain.grow();
    const { found, members } = chain;
    if (!found || (members.size < 2 && !isLong(last) && !found.product)) continue;
    for (const t of members) {
      taken.add(t);
      if (t !== last) inside.add(t);
    }
    chains.set(last, found);
  }
  return { chains, inside };
}
