/**
 * The template engine within bounds: steps are counted, every value is weighed, and what makes much of little (`replace`, `join`, `indent`,
 * `tojson` with an indent) is reckoned before it is done. A value's weight is that of its text when all that it holds is written out, so a
 * list of a list of a list ... that holds each twice is found to be large though it takes a few bytes.
 */
import { Interpreter } from "@huggingface/jinja";
import { textErrors } from "./errors.ts";

/** Evaluations in one rendering: a hundred messages with tools take some ten thousand; this many take a second or two. */
export const MAX_STEPS = 1_000_000;
/** What an item of a loop costs beside what its body evaluates: the scope made for it. */
const LOOP_STEPS = 8;
/** Characters of a rendering, and of any value on the way to it. */
export const MAX_RENDERED = 1 << 24;
/** What an item of a list or an entry of an object weighs by itself: the memory that it takes while it is written out. */
const ITEM_WEIGHT = 16;

export const templateError = (message: string, cause?: unknown) =>
  textErrors.fail("template", { place: "chat template", message, hint: "Check the template, or the messages it was given." }, cause);

/** The parts of the package that are used here; its declarations do not resolve under Node's rules. */
export interface Statement {
  readonly type: string;
  readonly value?: unknown;
  readonly iterable?: { readonly type: string; readonly lhs?: unknown };
  readonly object?: Statement;
  readonly callee?: Statement;
}
export interface InterpreterValue {
  readonly type: string;
  readonly value: unknown;
}
type Arguments = readonly [positional: InterpreterValue[], named: Map<string, InterpreterValue>];
type Call = (args: readonly InterpreterValue[], environment: unknown) => InterpreterValue;
interface Engine {
  evaluate(statement: Statement | undefined, environment: unknown): InterpreterValue;
  run(program: unknown): InterpreterValue;
  applyFilter(operand: InterpreterValue, filter: Statement, environment: unknown): InterpreterValue;
  evaluateArguments(args: readonly Statement[], environment: unknown): Arguments;
  evaluateMemberExpression(expression: Statement, environment: unknown): InterpreterValue;
}
const BaseInterpreter: new (environment: unknown) => Engine = Interpreter;

/** A filter whose arguments are being evaluated, or the object of a member expression once it is known. */
type Frame =
  | { readonly filter: string; readonly operand: InterpreterValue }
  | { readonly node: Statement | undefined; object: InterpreterValue | undefined };

const isText = (v: InterpreterValue | undefined): v is InterpreterValue & { readonly value: string } => typeof v?.value === "string";
const occurrences = (text: string, part: string): number => (part === "" ? text.length + 1 : text.split(part).length - 1);

export class BoundedInterpreter extends BaseInterpreter {
  private steps = 0;
  /** Expressions whose lists are looped over: their items are steps. Other mentions of a list cost nothing. */
  private readonly looped = new Set<unknown>();
  private readonly frames: Frame[] = [];
  private readonly weights = new WeakMap<InterpreterValue, number>();
  private readonly mostSteps: number;

  constructor(environment: unknown, mostSteps = MAX_STEPS) {
    super(environment);
    this.mostSteps = mostSteps;
  }

  override evaluate(statement: Statement | undefined, environment: unknown): InterpreterValue {
    if (statement?.type === "For")
      this.looped.add(statement.iterable?.type === "SelectExpression" ? statement.iterable.lhs : statement.iterable);
    const result = super.evaluate(statement, environment);
    const { value } = result;
    const size = typeof value === "string" || Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;
    this.within(this.weightOf(result));
    this.steps += 1 + (typeof value === "string" ? size >> 8 : this.looped.has(statement) ? size * LOOP_STEPS : 0);
    if (this.steps > this.mostSteps) throw templateError(`expected at most ${this.mostSteps} steps, got more`);
    const frame = this.frames.at(-1);
    if (frame && "node" in frame && frame.node === statement) frame.object = result;
    return result;
  }

  override applyFilter(operand: InterpreterValue, filter: Statement, environment: unknown): InterpreterValue {
    const name = filter.type === "CallExpression" ? filter.callee?.value : filter.value;
    return this.framed({ filter: String(name), operand }, () => super.applyFilter(operand, filter, environment));
  }

  override evaluateArguments(args: readonly Statement[], environment: unknown): Arguments {
    const evaluated = super.evaluateArguments(args, environment);
    const frame = this.frames.at(-1);
    if (frame && "filter" in frame) this.reckon(frame.filter, frame.operand, [...evaluated[0], ...evaluated[1].values()]);
    return evaluated;
  }

  /** A text's own `replace` is reckoned as the filter is. */
  override evaluateMemberExpression(expression: Statement, environment: unknown): InterpreterValue {
    const frame: Frame = { node: expression.object, object: undefined };
    const result = this.framed(frame, () => super.evaluateMemberExpression(expression, environment));
    const { object } = frame;
    if (result.type !== "FunctionValue" || !isText(object)) return result;
    const call = result.value as Call;
    const checked: Call = (args, scope) => {
      // of a text's methods, only replace and split take a text, and splitting makes nothing larger
      this.reckon("replace", object, args);
      return call(args, scope);
    };
    return new (result.constructor as new (value: Call) => InterpreterValue)(checked);
  }

  private framed<T>(frame: Frame, run: () => T): T {
    this.frames.push(frame);
    try {
      return run();
    } finally {
      this.frames.pop();
    }
  }

  /** How large the result of a filter can become. */
  private reckon(filter: string, operand: InterpreterValue, args: readonly InterpreterValue[]): void {
    const texts = args.filter(isText);
    const added =
      texts.reduce((n, { value }) => n + value.length, 0) +
      args.reduce((n, { value }) => n + (typeof value === "number" ? Math.max(0, value) : 0), 0);
    const items = Array.isArray(operand.value) ? operand.value.length : isText(operand) ? operand.value.length : 1;
    if (filter === "join") this.within(items * added);
    else if (filter === "indent" && isText(operand)) this.within(occurrences(operand.value, "\n") * added + added);
    else if (filter === "replace" && isText(operand) && texts.length >= 2)
      this.within(occurrences(operand.value, texts[0]!.value) * texts[1]!.value.length);
    else if (filter === "tojson") {
      const separators = args.flatMap(({ value }) => (Array.isArray(value) ? (value as InterpreterValue[]).filter(isText) : []));
      const wide = added + separators.reduce((n, { value }) => n + value.length, 0);
      this.within((this.weightOf(operand) / ITEM_WEIGHT) * depthOf(operand) * wide);
    }
  }

  private within(size: number): void {
    // not `>`: what cannot be reckoned is too much
    if (!(size <= MAX_RENDERED)) throw templateError(`expected values of at most ${MAX_RENDERED} characters, got more`);
  }

  private weightOf(v: InterpreterValue): number {
    const { value } = v;
    if (typeof value === "string") return value.length;
    if (!Array.isArray(value) && !(value instanceof Map)) return 1;
    const known = this.weights.get(v);
    if (known !== undefined) return known;
    let weight = ITEM_WEIGHT;
    for (const item of value.values() as Iterable<InterpreterValue>) {
      // a namespace changes after it was weighed, and may come to hold what holds it
      weight += ITEM_WEIGHT + (item.type === "NamespaceValue" ? Number.NaN : this.weightOf(item));
      this.within(weight);
    }
    if (value instanceof Map) for (const key of value.keys()) weight += String(key).length;
    if (v.type !== "NamespaceValue") this.weights.set(v, weight);
    return weight;
  }
}

/** Levels of a value that has been weighed. */
function depthOf({ value }: InterpreterValue): number {
  let most = 0;
  if (Array.isArray(value) || value instanceof Map)
    for (const item of value.values() as Iterable<InterpreterValue>) most = Math.max(most, depthOf(item));
  return most + 1;
}
