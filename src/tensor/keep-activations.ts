/**
 * What becomes of a program's kept activations: bf16 for those that may be, and recomputation of as many as a budget asks for, the cheapest first.
 * The peak of each choice is foretold by the backend, so a choice is judged before anything is built.
 */
import { formatBytes, withDetails } from "../base/index.ts";
import type { Backend, EstimateOptions, ProductDType } from "./backend.ts";
import { tensorErrors } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { type KeptValue, keptValues, type NarrowedValues, narrowable, type TwoPasses, twoPasses, withKeptForms } from "./kept.ts";
import { Recomputation } from "./rematerialise.ts";
import type { Tensor } from "./tensor.ts";

export interface KeepOptions {
  /** Results of the forward pass: paths, or what their paths begin with. All others are the backward pass's. */
  readonly forward: readonly string[];
  /** "bf16", "f16": large values that the backward pass reads are kept in 16 bits, where the device has code for that. */
  readonly storage?: ProductDType;
  /** Most memory for values between operations; as much as it takes is computed again instead of kept. Results in float32 keep their bits. */
  readonly budgetBytes?: number;
}

/** What was done with the values that the forward pass leaves for the backward pass. */
export interface KeptReport {
  /** Most memory of values between operations, foretold. */
  readonly estimatedBytes: number | undefined;
  /** What all of them take as they are computed. */
  readonly plainBytes: number;
  /** What they take as they are kept. */
  readonly keptBytes: number;
  /** Values kept in 16 bits, and values computed again. */
  readonly narrowed: number;
  readonly recomputed: number;
}

/** Choices that are looked at where the last one does not fit, and values that are tried to be kept after all: each is a walk over the program. */
const scanned = 12;
const mostReturned = 12;

const startsWith = (path: string, beginnings: readonly string[]): boolean => beginnings.some(b => path === b || path.startsWith(`${b}.`));

interface Choice {
  readonly graph: Graph;
  readonly dropped: ReadonlySet<Tensor>;
  readonly bytes: number;
}

/** The choices between keeping all and keeping as little as can be. */
export class Choices {
  readonly #passes: TwoPasses;
  readonly #narrowed: ReadonlySet<Tensor>;
  readonly #words: NarrowedValues["words"];
  readonly #recomputation: Recomputation;
  readonly #estimate: (graph: Graph) => number;
  /** Dropped in any case: where others are narrowed and widened, that costs no more. */
  readonly always: ReadonlySet<Tensor>;
  readonly order: readonly Tensor[];

  constructor(passes: TwoPasses, kept: readonly KeptValue[], { narrowed, words }: NarrowedValues, estimate: (graph: Graph) => number) {
    this.#passes = passes;
    this.#narrowed = narrowed;
    this.#words = words;
    this.#recomputation = new Recomputation(kept);
    this.#estimate = estimate;
    this.always = narrowed.size > 0 ? this.#recomputation.nearlyFree() : new Set();
    this.order = this.#recomputation.order(this.always);
  }

  of(dropped: ReadonlySet<Tensor>): Choice | undefined {
    const recomputed = this.#recomputation.closure(dropped);
    if (!recomputed) return undefined;
    const narrowed = new Set([...this.#narrowed].filter(t => !recomputed.has(t)));
    const graph = withKeptForms(this.#passes, { narrowed, words: this.#words, recomputed });
    return { graph, dropped, bytes: this.#estimate(graph) };
  }

  /** The first so many of the order. */
  first(count: number): Choice | undefined {
    return this.of(new Set([...this.always, ...this.order.slice(0, count)]));
  }

  costOf(node: Tensor): number {
    return this.#recomputation.cost(new Set([node]));
  }
}

/** The fewest of the order that fit, then less of those where that still fits. Errors: tensor/memory. */
function* fitting(choices: Choices, budget: number, name: string): Generator<undefined, Choice, undefined> {
  const tried: Choice[] = [];
  const fits = (count: number): boolean => {
    const choice = choices.first(count);
    if (choice) tried.push(choice);
    return choice !== undefined && choice.bytes <= budget;
  };
  const { length } = choices.order;
  // more that is dropped takes less, up to where what is computed again waits for long
  let [few, many] = [0, length];
  yield;
  if (!fits(0)) {
    while (many - few > 1) {
      yield;
      const middle = (few + many) >> 1;
      if (fits(middle)) many = middle;
      else few = middle;
    }
    yield;
    if (!fits(many)) for (let i = 1; i < scanned && !fits(Math.round((i / scanned) * length)); i++) yield;
  }
  let found = tried.filter(c => c.bytes <= budget).sort((a, b) => a.dropped.size - b.dropped.size)[0];
  if (!found) {
    const least = tried.reduce((bytes, c) => Math.min(bytes, c.bytes), Number.POSITIVE_INFINITY);
    throw withDetails(
      tensorErrors.fail("memory", {
        place: name,
        expected: `at least ${formatBytes(least)} for activations`,
        received: formatBytes(budget),
        hint: "Raise the budget, or compute less at once: fewer rows, or shorter ones.",
      }),
      { leastBytes: least },
    );
  }
  // dearest first: what the budget has room for is kept after all
  const byCost = [...found.dropped]
    .filter(t => !choices.always.has(t))
    .map(t => ({ t, cost: choices.costOf(t) }))
    .sort((x, y) => y.cost - x.cost);
  for (const { t } of byCost.slice(0, mostReturned)) {
    yield;
    const fewer: Choice | undefined = choices.of(new Set([...found.dropped].filter(x => x !== t)));
    if (fewer && fewer.bytes <= budget) found = fewer;
  }
  return found;
}

/** A program with its kept activations in the forms that are asked for; undefined where it stays as it is. Errors: tensor/memory. */
export function* keepingActivations(
  graph: Graph,
  paths: readonly string[],
  { forward, storage, budgetBytes }: KeepOptions,
  given: { readonly backend: Backend; readonly build: EstimateOptions; readonly name: string },
): Generator<undefined, { readonly graph: Graph; readonly report: KeptReport; readonly recomputes: boolean } | undefined, undefined> {
  const { backend, build, name } = given;
  const results = new Set(paths.flatMap((path, i) => (startsWith(path, forward) ? [i] : [])));
  const words = storage === "f16" ? "f16" : "bf16";
  const narrows =
    (storage === "bf16" && backend.capabilities.narrows === true) || (storage === "f16" && backend.capabilities.halves === true);
  if (budgetBytes !== undefined && !backend.estimatePeakBytes)
    throw tensorErrors.fail("device", {
      place: `${name}: memory`,
      expected: "a device that foretells the memory of a program (cpu, webgpu)",
      received: backend.capabilities.name,
      hint: "Leave the memory budget out, or lower the rows of a micro-batch.",
    });
  if (results.size === 0 || (!narrows && budgetBytes === undefined)) return undefined;
  const passes = twoPasses(graph, results);
  const kept = keptValues(passes);
  const narrowed = new Set(narrows ? narrowable(kept) : []);
  const choices = new Choices(passes, kept, { narrowed, words }, g => backend.estimatePeakBytes?.(g, build) ?? 0);
  yield;
  const choice = budgetBytes === undefined ? choices.first(0)! : yield* fitting(choices, budgetBytes, name);
  const plainBytes = kept.reduce((sum, k) => sum + k.bytes, 0);
  const keptBytes = kept
    .filter(k => !choice.dropped.has(k.node))
    .reduce((sum, k) => sum + (narrowed.has(k.node) ? k.bytes / 2 : k.bytes), 0);
  return {
    graph: choice.graph,
    recomputes: choice.dropped.size > 0,
    report: {
      estimatedBytes: backend.estimatePeakBytes ? choice.bytes : undefined,
      plainBytes,
      keptBytes,
      narrowed: [...narrowed].filter(t => !choice.dropped.has(t)).length,
      recomputed: choice.dropped.size,
    },
  };
}
