/**
 * Optimisers as pairs of pure functions over trees: the state a parameter starts with, and one update. Everything that changes by the step
 * (rate, bias corrections) comes in as scalars, so one compiled program serves all steps. Idea: optax.
 */
import type { Tree } from "../base/index.ts";
import { treeMap, treePaths } from "../base/index.ts";
import { ParameterSpec } from "../nn/index.ts";
import { add, type DType, div, matmul, mul, type Shape, sqrt, sub, sum, type Tensor, transpose } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";

/** Scalars of a step, computed on the host in float64. */
export interface StepScalars {
  /** Learning rate of this step. */
  readonly rate: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

/** Shape and dtype of one member of a parameter's state; it begins with zeros. */
export interface StateSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** One parameter's rule. */
export interface Rule {
  readonly name: string;
  /** Members of a parameter's state, of any shape and dtype: moments, factors of them, codes of 8 bits, counts. */
  state(spec: ParameterSpec): Readonly<Record<string, StateSpec>>;
  /** Names of the scalars it needs, and their values. */
  scalars(s: StepScalars): Readonly<Record<string, number>>;
  /** New value and state from the (already scaled) gradient. */
  update(given: {
    readonly value: Tensor;
    readonly gradient: Tensor;
    /** The gradient is to be multiplied by it (clipping); kept apart so that no pass over memory is spent on it. */
    readonly gradientScale: Tensor;
    readonly state: Readonly<Record<string, Tensor>>;
    readonly scalars: Readonly<Record<string, Tensor>>;
    readonly decays: boolean;
  }): { readonly value: Tensor; readonly state: Readonly<Record<string, Tensor>> };
  /** What is evaluated and kept as the model, where it is not the value that is trained (schedule-free rules). */
  evaluated?(given: { readonly value: Tensor; readonly state: Readonly<Record<string, Tensor>> }): Tensor;
}

/** State members of the parameter's own shape and dtype. */
export const likeParameter =
  (...names: readonly string[]): Rule["state"] =>
  ({ shape, dtype }) =>
    Object.fromEntries(names.map(name => [name, { shape, dtype }]));

export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled: the value shrinks by rate * weightDecay each step (Loshchilov & Hutter 2019). */
  readonly weightDecay?: number;
  /** This rule's rate as a multiple of the step's rate. */
  readonly rateFactor?: number;
}

/** AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019). Bias corrections are folded into the rate and epsilon (Kingma & Ba, end of section 2). */
export function adamw(options: AdamWOptions = {}): Rule {
  const { beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1, rateFactor = 1 } = options;
  return {
    name: "adamw",
    state: likeParameter("first", "second"),
    scalars: ({ rate, step }) => {
      const correction = Math.sqrt(1 - beta2 ** step);
      return {
        adamRate: (rateFactor * rate * correction) / (1 - beta1 ** step),
        adamEpsilon: epsilon * correction,
        adamKeep: 1 - rateFactor * rate * weightDecay,
      };
    },
    update({ value, gradient, gradientScale, state, scalars, decays }) {
      const first = add(mul(state.first!, beta1), mul(gradient, mul(gradientScale, 1 - beta1)));
      const second = add(mul(state.second!, beta2), mul(mul(gradient, gradient), mul(mul(gradientScale, gradientScale), 1 - beta2)));
      const moved = mul(div(first, add(sqrt(second), scalars.adamEpsilon!)), scalars.adamRate!);
      const kept = decays && weightDecay ? mul(value, scalars.adamKeep!) : value;
      return { value: sub(kept, moved), state: { first, second } };
    },
  };
}

export interface MuonOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Newton-Schulz iterations. */
  readonly iterations?: number;
  readonly rateFactor?: number;
}

/**
 * The nearest semi-orthogonal matrix, roughly: singular values of x pushed towards 1 by an odd polynomial (Jordan et al. 2024, Muon). The
 * coefficients trade accuracy for speed: values end in about [0.7, 1.2].
 */
export function orthogonalised(x: Tensor, iterations: number): Tensor {
  const [a, b, c] = [3.4445, -4.775, 2.0315];
  const [rows, columns] = x.shape as [number, number];
  const wide = rows <= columns;
  let y = wide ? x : transpose(x);
  y = div(y, add(sqrt(sum(mul(y, y))), 1e-7));
  for (let i = 0; i < iterations; i++) {
    const gram = matmul(y, y, { transposeB: true });
    const polynomial = add(mul(gram, b), mul(matmul(gram, gram), c));
    y = add(mul(y, a), matmul(polynomial, y));
  }
  return wide ? y : transpose(y);
}

/** Muon for hidden matrices [in, out]: momentum, then orthogonalised; scaled so that an update's size does not depend on the shape. */
export function muon(options: MuonOptions = {}): Rule {
  const { momentum = 0.95, weightDecay = 0.1, iterations = 5, rateFactor = 1 } = options;
  return {
    name: "muon",
    state: likeParameter("momentum"),
    scalars: ({ rate }) => ({ muonRate: rateFactor * rate, muonKeep: 1 - rateFactor * rate * weightDecay }),
    update({ value, gradient, gradientScale, state, scalars, decays }) {
      const scaled = mul(gradient, gradientScale);
      const next = add(mul(state.momentum!, momentum), scaled);
      const nesterov = add(scaled, mul(next, momentum));
      const [rows, columns] = value.shape as [number, number];
      const direction = mul(orthogonalised(nesterov, iterations), Math.sqrt(Math.max(1, columns / rows)));
      const kept = decays && weightDecay ? mul(value, scalars.muonKeep!) : value;
      return { value: sub(kept, mul(direction, scalars.muonRate!)), state: { momentum: next } };
    },
  };
}

/** Leaves parameters as they are. */
export const frozen: Rule = { name: "frozen", state: () => ({}), scalars: () => ({}), update: ({ value }) => ({ value, state: {} }) };

/** Which rule moves which parameter. */
export interface Optimizer {
  readonly name: string;
  /** Every rule that `ruleOf` gives. */
  readonly rules: readonly Rule[];
  ruleOf(path: string, spec: ParameterSpec): Rule;
}

/** One rule for everything. */
export const single = (rule: Rule): Optimizer => ({ name: rule.name, rules: [rule], ruleOf: () => rule });
/** Muon for hidden matrices, AdamW for the rest (tables, norms, biases), as Muon's authors do. */
export const muonWithAdamw = (m: MuonOptions = {}, a: AdamWOptions = {}): Optimizer => {
  const [hidden, rest] = [muon(m), adamw(a)];
  return { name: "muon", rules: [hidden, rest], ruleOf: (_, spec) => (spec.isHidden && spec.shape.length === 2 ? hidden : rest) };
};

/** Parameters by their paths, and the optimiser that moves them in place of the common one. */
export interface ParameterGroup {
  /** Paths as in `blocks.0.attention.query.weight`; `*` stands for any characters. A path belongs to the first group that names it. */
  readonly parameters: readonly string[];
  readonly optimizer: Optimizer;
}

const patternOf = (pattern: string): RegExp => new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);

/** Is a parameter's path named by one of the patterns? */
export const namesParameter = (patterns: readonly string[], path: string): boolean => patterns.some(p => patternOf(p).test(path));

/** Parameter groups: own rules, rates and decay for some parameters, `otherwise` for the rest (PyTorch's parameter groups, optax's `multi_transform`). */
export function grouped(groups: readonly ParameterGroup[], otherwise: Optimizer): Optimizer {
  return {
    name: otherwise.name,
    rules: [...groups.map(g => g.optimizer), otherwise].flatMap(o => o.rules),
    ruleOf: (path, spec) => (groups.find(g => namesParameter(g.parameters, path))?.optimizer ?? otherwise).ruleOf(path, spec),
  };
}

/** A rule's scalars as the step's: two rules may have the same names. */
const scalarName = (o: Optimizer, rule: Rule, name: string): string => `${o.rules.indexOf(rule)}.${name}`;

/** All scalars of a step, by name. */
export const stepScalars = (o: Optimizer, s: StepScalars): Record<string, number> =>
  Object.fromEntries(o.rules.flatMap(rule => Object.entries(rule.scalars(s)).map(([name, value]) => [scalarName(o, rule, name), value])));

/** The scalars that are a rule's own, by its names. */
const scalarsOf = (o: Optimizer, rule: Rule, all: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.keys(rule.scalars({ rate: 0, step: 1 })).map(name => [name, all[scalarName(o, rule, name)]!]));

const noRole = { decays: false, isHidden: false };

/** Zeroed state: a tree of parameter paths, each with its rule's members. */
export function optimizerStateShapes(o: Optimizer, specs: unknown): Record<string, Record<string, ParameterSpec>> {
  const zeroed = ({ shape, dtype }: StateSpec) => new ParameterSpec(shape, { kind: "constant", value: 0 }, noRole, dtype);
  return Object.fromEntries(
    treePaths<ParameterSpec>(specs as Tree<ParameterSpec>).map(([path, spec]) => [
      path,
      Object.fromEntries(Object.entries(o.ruleOf(path, spec).state(spec)).map(([name, member]) => [name, zeroed(member)])),
    ]),
  );
}

/**
 * Sum of squares over a tree of gradients: the square of the global norm. Added up in the order in which the backward pass makes them (ids
 * grow), so that a backend which walks from the result meets each gradient when its inputs are at hand and may let them go.
 */
export function squaredNorm(gradients: readonly Tensor[]): Tensor {
  const [first, ...rest] = [...gradients].sort((a, b) => a.id - b.id);
  // each sum right after its square: the total so far is always older than what is added to it
  return rest.reduce((total, g) => add(total, sum(mul(g, g))), sum(mul(first!, first!)));
}

/** A rule gives back the state that it declared: other members or shapes would be another program's. */
function checkState(place: string, before: Readonly<Record<string, Tensor>>, after: Readonly<Record<string, Tensor>>): void {
  const show = (state: Readonly<Record<string, Tensor>>) =>
    Object.keys(state)
      .sort()
      .map(name => `${name} ${state[name]!.dtype}[${state[name]!.shape}]`)
      .join(", ") || "no members";
  if (show(before) === show(after)) return;
  throw trainErrors.fail("recipe", {
    place,
    expected: `the state that the rule declares: ${show(before)}`,
    received: show(after),
    hint: "Return each member of state(spec) from update, of its shape and dtype.",
  });
}

/** One update of a tree of parameters. `state` is keyed by path. */
export function updateAll<P>(
  o: Optimizer,
  specs: unknown,
  given: {
    readonly parameters: P;
    readonly gradients: P;
    readonly state: Record<string, Record<string, Tensor>>;
    readonly scalars: Record<string, Tensor>;
    readonly gradientScale: Tensor;
  },
): { parameters: P; state: Record<string, Record<string, Tensor>> } {
  const state: Record<string, Record<string, Tensor>> = {};
  const gradients = new Map(treePaths<Tensor>(given.gradients as Tree<Tensor>));
  const specOf = new Map(treePaths<ParameterSpec>(specs as Tree<ParameterSpec>));
  const parameters = treeMap<Tensor, Tensor>(
    (value, path) => {
      const spec = specOf.get(path)!;
      const rule = o.ruleOf(path, spec);
      const next = rule.update({
        value,
        gradient: gradients.get(path)!,
        gradientScale: given.gradientScale,
        state: given.state[path]!,
        scalars: scalarsOf(o, rule, given.scalars),
        decays: spec.decays,
      });
      checkState(`${rule.name}: ${path}`, given.state[path]!, next.state);
      state[path] = { ...next.state };
      return next.value;
    },
    given.parameters as Tree<Tensor>,
  ) as P;
  return { parameters, state };
}

/** Does an optimiser train other values than it would have evaluated? */
export const evaluatesOthers = (o: Optimizer): boolean => o.rules.some(rule => rule.evaluated !== undefined);

/** The values to evaluate and to keep: those that are trained, but for rules that say otherwise. */
export function evaluatedAll(
  o: Optimizer,
  specs: unknown,
  given: { readonly parameters: Tree<Tensor>; readonly state: Record<string, Record<string, Tensor>> },
): Tree<Tensor> {
  const specOf = new Map(treePaths<ParameterSpec>(specs as Tree<ParameterSpec>));
  return treeMap<Tensor, Tensor>((value, path) => {
    const rule = o.ruleOf(path, specOf.get(path)!);
    return rule.evaluated?.({ value, state: given.state[path]! }) ?? value;
  }, given.parameters);
}
