/**
 * The mutants of one source text: every place where one operator, bound, constant, condition or statement may be changed so that a good test would
 * notice, and one text that holds them all, each behind a condition. Positions are offsets in the text; nothing is printed from a tree. Types are no code
 * and are left alone; so are strings, which are mostly sentences for people.
 */
import { parseSync } from "vite";

/** What stands for an operator in a mutant. A comparison moves its bound; turning it round is the negated condition's work. */
const operators = {
  "<": ["<="],
  "<=": ["<"],
  ">": [">="],
  ">=": [">"],
  "==": ["!="],
  "!=": ["=="],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "^": ["&"],
  "&&": ["||"],
  "||": ["&&"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "/=": ["*="],
  "&=": ["|="],
  "|=": ["&="],
  "^=": ["&="],
  "<<=": [">>="],
  ">>=": ["<<="],
  "??=": ["="],
  "++": ["--"],
  "--": ["++"],
};
const equalities = new Set(["==", "!=", "===", "!=="]);
const calls = new Map(Object.entries({ max: "min", min: "max", floor: "ceil", ceil: "floor", every: "some", some: "every" }));

const skipped = new Set([
  "typeAnnotation",
  "typeArguments",
  "typeParameters",
  "returnType",
  "superTypeArguments",
  "implements",
  "decorators",
]);
/** Wrappers of types around an expression that runs. */
const transparent = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSInstantiationExpression",
  "TSTypeAssertion",
]);
const removable = new Set(["ExpressionStatement", "ReturnStatement", "ThrowStatement", "BreakStatement", "ContinueStatement"]);

const isText = node => (node.type === "Literal" && typeof node.value === "string") || node.type === "TemplateLiteral";
const addsText = node =>
  node.type === "BinaryExpression" && node.operator === "+" && (isText(node.left) || isText(node.right) || addsText(node.left));

/** What a constant becomes: an integer moves by one both ways (never below 0), a fraction doubles, a truth value turns. */
function constants({ value, raw, bigint }) {
  if (typeof value === "boolean") return [String(!value)];
  if (bigint !== undefined) return [`${BigInt(bigint) + 1n}n`];
  if (typeof value !== "number") return [];
  if (!Number.isInteger(value) || /e/i.test(raw)) return [`(${raw} * 2)`];
  return value > 0 ? [`${value + 1}`, `${value - 1}`] : [`${value + 1}`];
}

/** `whole` is the optional chain (`a?.b.c()`) that the node is a link of, which cannot be taken apart, or the node. */
function* ofNode(node, parent, key, text, whole) {
  const source = ({ start, end }) => text.slice(start, end);
  /** One range replaced; `at` is the expression or statement whose execution reaches the mutant. */
  const change = (kind, { start, end }, to, at = whole) => ({
    kind,
    start,
    end,
    to,
    at: { start: at.start, end: at.end, statement: removable.has(at.type) },
  });
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression":
    case "AssignmentExpression": {
      if (addsText(node) || (node.type === "AssignmentExpression" && isText(node.right))) return;
      // `??` mixes with no other operator: its default goes instead.
      if (node.operator === "??") return void (yield change("operator", { start: node.left.end, end: node.end }, ""));
      const from = node.left.end + text.slice(node.left.end, node.right.start).indexOf(node.operator);
      for (const to of operators[node.operator] ?? []) yield change("operator", { start: from, end: from + node.operator.length }, to);
      return;
    }
    case "UpdateExpression": {
      const start = node.prefix ? node.start : node.end - 2;
      yield change("operator", { start, end: start + 2 }, operators[node.operator][0]);
      return;
    }
    case "UnaryExpression":
      if (node.operator === "!" || node.operator === "-") yield change("operator", node, `(${source(node.argument)})`);
      return;
    case "Literal":
      if (key === "key" && !parent.computed) return;
      if (parent.type === "IfStatement" || parent.type === "ConditionalExpression") return;
      for (const to of constants(node)) yield change("constant", node, to);
      return;
    case "CallExpression": {
      const { callee } = node;
      const to = callee.type === "MemberExpression" && !callee.computed ? calls.get(callee.property.name) : undefined;
      if (to) yield change("bound", callee.property, to);
      return;
    }
    case "IfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
    case "ConditionalExpression": {
      const { test } = node;
      if (!test || test.type === "Literal" || (test.type === "BinaryExpression" && equalities.has(test.operator))) return;
      if (test.type === "UnaryExpression" && test.operator === "!") return;
      yield change("condition", test, `!(${source(test)})`, test);
      return;
    }
  }
  if (!removable.has(node.type) || node.directive) return;
  const isLast = Array.isArray(parent.body) && parent.body.at(-1) === node;
  // A function's last return is its value: its expression has mutants of its own.
  if (node.type === "ReturnStatement" && key === "body" && isLast && parent.isFunction) return;
  if (node.type === "ExpressionStatement" && node.expression.callee?.type === "Super") return;
  yield change("removed", node, "{}");
}

function* walk(node, parent, key, text, chain) {
  if (node.type.startsWith("TS") && !transparent.has(node.type)) return;
  if (node.type === "ImportDeclaration" || node.type === "ExportAllDeclaration" || node.declare) return;
  if (parent.type?.includes("Function") && key === "body") node.isFunction = true;
  const link = node.type === "ChainExpression" ? node : key === "object" || key === "callee" || key === "expression" ? chain : undefined;
  yield* ofNode(node, parent, key, text, link ?? node);
  for (const [name, child] of Object.entries(node)) {
    if (skipped.has(name)) continue;
    for (const one of Array.isArray(child) ? child : [child])
      if (one && typeof one === "object" && typeof one.type === "string") yield* walk(one, node, name, text, link);
  }
}

function lineOf(text, offset) {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** For people: the shortest whole expression around the change, before and after, on one line. */
function shown(text, { start, end, to, at, kind }) {
  const short = part => {
    const line = part.replace(/\s+/g, " ").trim();
    return line.length > 70 ? `${line.slice(0, 67)}...` : line;
  };
  if (kind === "removed") return `removed: ${short(text.slice(start, end))}`;
  // A long expression is shown around the change alone.
  const [from, until] = at.end - at.start <= 70 ? [at.start, at.end] : [Math.max(at.start, start - 30), Math.min(at.end, end + 30)];
  return `${short(text.slice(from, until))} -> ${short(text.slice(from, start) + to + text.slice(end, until))}`;
}

/** All mutants in the order of the text: `{ id, kind, line, column, change, start, end, to, at }`. */
export function mutantsOf(text, file = "file.ts") {
  const { program, errors } = parseSync(file, text, { sourceType: "module" });
  if (errors.length) throw new Error(`${file}: ${errors[0].message}`);
  return [...walk(program, {}, "", text)]
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .map((mutant, id) => ({ id, kind: mutant.kind, ...lineOf(text, mutant.start), change: shown(text, mutant), ...mutant }));
}

/** The text with one mutant in it. */
export const mutated = (text, { start, end, to }) => text.slice(0, start) + to + text.slice(end);

/** The places of mutants as a tree: `{ start, end, statement, mutants, inner }`. */
function placesOf(mutants) {
  const places = new Map();
  for (const mutant of mutants) {
    const key = `${mutant.at.start}:${mutant.at.end}:${mutant.at.statement}`;
    if (!places.has(key)) places.set(key, { ...mutant.at, mutants: [], inner: [] });
    places.get(key).mutants.push(mutant);
  }
  const root = { end: Number.POSITIVE_INFINITY, inner: [] };
  const open = [root];
  // From outside to inside; of a statement and an expression with the same borders the statement is outside.
  for (const place of [...places.values()].sort((a, b) => a.start - b.start || b.end - a.end || b.statement - a.statement)) {
    while (place.start >= open.at(-1).end) open.pop();
    open.at(-1).inner.push(place);
    open.push(place);
  }
  return root.inner;
}

/**
 * The text with all mutants in it: `a < b` becomes `(is(3) ? (a <= b) : (a < b))`. `is(id)` writes the condition under which a mutant is the program.
 * Its local `__loam` is what `inside.js` knows of the mutants; the last line says that the module has loaded.
 */
export function withMutants(text, mutants, is) {
  const render = (start, end, inner) => {
    let result = "";
    for (const place of inner) {
      result += text.slice(start, place.start) + rendered(place);
      start = place.end;
    }
    return result + text.slice(start, end);
  };
  const rendered = ({ start, end, statement, mutants, inner }) => {
    const original = render(start, end, inner);
    if (statement) return `{if(!(${mutants.map(m => is(m.id)).join("||")})){${original}}}`;
    const others = mutants.map(m => `${is(m.id)}?(${text.slice(start, m.start)}${m.to}${text.slice(m.end, end)}):`);
    return `(${others.join("")}(${original}))`;
  };
  // On the first line, so that every line keeps its number. Where the file is loaded outside of a check there is no mutant.
  const known = "const __loam=globalThis.__loamMutant??{id:-1,seen:[],loaded(){}};";
  return `${known}${render(0, text.length, placesOf(mutants))}\n__loam.loaded();\n`;
}

/** Mulberry32, for a draw that can be repeated. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of the mutants, drawn with the seed, in the order of the text. */
export function drawn(mutants, limit, seed) {
  const next = generator(seed);
  const pool = [...mutants];
  for (let i = pool.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [pool[i], pool[j]] = [pool[j], pool[i]];
  }
  return pool.slice(0, limit).sort((a, b) => a.id - b.id);
}
