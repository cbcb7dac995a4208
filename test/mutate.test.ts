import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawn, mutantsOf, withMutants } from "../scripts/mutate/mutants.js";
import { Child, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";

const source = `/** Adds up what is inside the limits. */
export function within(values: readonly number[], low: number, high: number): number {
  let sum = 0;
  let left = values.length;
  while (left > 0) {
    const value = values[--left] as number;
    if (value >= low && value <= high) sum += value;
  }
  return sum;
}
export const unused = (x: number): number => x * 2;
`;
/** Nothing at the limits themselves, and a first value that counts for nothing. */
const weak = `import { expect, test } from "vitest";
import { within } from "./toy.ts";
test("sums what is inside", () => expect(within([1, 5, 50], 2, 10)).toBe(5));
`;
const strong = `${weak}test("the limits belong to it", () => expect(within([2, 10, 11], 2, 10)).toBe(12));\n`;

interface Mutant {
  readonly id: number;
  readonly line: number;
  readonly change: string;
  readonly start: number;
  readonly end: number;
  readonly at: { readonly start: number; readonly end: number };
}
interface Result {
  readonly mutants: number;
  readonly tested: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly survived: readonly { readonly line: number; readonly change: string }[];
  readonly unreached: readonly { readonly line: number; readonly change: string }[];
}

async function mutate(tests: string, ...more: readonly string[]): Promise<Result> {
  const folder = temporaryFolder("mutate");
  writeFileSync(join(folder, "toy.ts"), source);
  writeFileSync(join(folder, "toy.test.ts"), tests);
  writeFileSync(join(folder, "vitest.config.ts"), 'export default { test: { pool: "forks", include: ["*.test.ts"] } };\n');
  const args = [join(folder, "toy.ts"), "--config", join(folder, "vitest.config.ts"), "--json", ...more];
  const { code, stdout, stderr } = await new Child(args, { program: join(root, "scripts", "mutate.js"), cwd: folder }).ended;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Result;
}
const changes = (list: Result["survived"]) => list.map(({ line, change }) => `${line}: ${change}`);

test("a weak test lets exactly the mutants of the limits live, one that hangs is ended, and a test of the limits kills them", async () => {
  const result = await mutate(weak);
  expect(changes(result.survived)).toEqual([
    "5: left > 0 -> left >= 0", // one more value, which is undefined: nothing could tell
    "5: 0 -> 1",
    "7: value >= low -> value > low",
    "7: value <= high -> value < high",
  ]);
  expect(changes(result.unreached)).toEqual(["11: x * 2 -> x / 2", "11: 2 -> 3", "11: 2 -> 1"]);
  // `++left` never ends
  expect(result.timedOut).toBeGreaterThan(0);
  expect(result.killed + result.survived.length + result.unreached.length).toBe(result.mutants);
  expect(changes((await mutate(strong, "--lines", "7")).survived)).toEqual([]);
});

test("the same seed draws the same mutants, another one others, and a limit is a limit", () => {
  const all = mutantsOf(source, "toy.ts");
  const ids = (seed: number) => drawn(all, 5, seed).map((m: { id: number }) => m.id);
  expect(ids(1)).toHaveLength(5);
  expect(ids(1)).toEqual(ids(1));
  expect(ids(2)).not.toEqual(ids(1));
  expect(drawn(all, Number.POSITIVE_INFINITY, 1)).toEqual(all);
});

test("every kind of mutant replaces one place of code and leaves types, strings and keys alone", () => {
  const text = `const table = { 1: "a<b", on: true } as Record<string, 1 | 2>;
function f(a: number, b = 0.5): number | undefined {
  if (!(a < b)) throw new Error("below " + b);
  const c = Math.max(a, -b) ?? 7;
  return c === 3 ? undefined : c % 2;
}`;
  const found = mutantsOf(text, "f.ts");
  expect(found.map(m => `${m.line} ${m.kind} ${m.change}`)).toEqual([
    "1 constant true -> false",
    "2 constant 0.5 -> (0.5 * 2)",
    "3 operator !(a < b) -> ((a < b))",
    "3 operator a < b -> a <= b",
    '3 removed removed: throw new Error("below " + b);',
    "4 bound Math.max(a, -b) -> Math.min(a, -b)",
    "4 operator -b -> (b)",
    "4 operator Math.max(a, -b) ?? 7 -> Math.max(a, -b)",
    "4 constant 7 -> 8",
    "4 constant 7 -> 6",
    "5 operator c === 3 -> c !== 3",
    "5 constant 3 -> 4",
    "5 constant 3 -> 2",
    "5 operator c % 2 -> c * 2",
    "5 constant 2 -> 3",
    "5 constant 2 -> 1",
  ]);
});

test("the text with all mutants computes what the plain one did, names the mutants that run, and is each of them in turn", () => {
  const text =
    "let n = 0\nfor (let i = 0; i < 3; i++) { if (i === 1) continue; else n += i }\nif (n > 9) n = -1\nreturn [n, o?.list.some(x => x > 1)]";
  const mutants = mutantsOf(`function f() {${text}}`, "n.ts").map((m: Mutant) => ({
    ...m,
    start: m.start - 14,
    end: m.end - 14,
    at: { ...m.at, start: m.at.start - 14, end: m.at.end - 14 },
  }));
  const reached = new Set<number>();
  const run = (is: (id: number) => boolean) =>
    new Function(
      "o",
      "is",
      withMutants(text, mutants, (id: number) => `is(${id})`),
    )({ list: [1, 2] }, is);
  expect(
    run(id => {
      reached.add(id);
      return false;
    }),
  ).toEqual([2, true]);
  expect(mutants.filter((m: Mutant) => !reached.has(m.id)).map((m: Mutant) => m.change)).toEqual([
    "removed: n = -1",
    "-1 -> (1)",
    "1 -> 2",
    "1 -> 0",
  ]);
  const results = Object.fromEntries(
    mutants
      .filter((m: Mutant) => !["i++ -> i--", "i < 3 -> !(i < 3)"].includes(m.change))
      .map((m: Mutant) => [`${m.line}: ${m.change}`, run(id => id === m.id)]),
  );
  expect(results).toMatchObject({
    "1: 0 -> 1": [3, true],
    "2: i < 3 -> i <= 3": [5, true],
    "2: i === 1 -> i !== 1": [1, true],
    "2: removed: continue;": [2, true],
    "2: removed: n += i": [0, true],
    "2: n += i -> n -= i": [-2, true],
    "3: n > 9 -> n >= 9": [2, true],
    "3: n > 9 -> !(n > 9)": [-1, true],
    "4: o?.list.some(x => x > 1) -> o?.list.every(x => x > 1)": [2, false],
    "4: x > 1 -> x >= 1": [2, true],
    "4: 1 -> 2": [2, false],
  });
});

test("a mistaken call says what to give", async () => {
  const { code, stderr } = await new Child(["--limit", "0", "a.ts"], { program: join(root, "scripts", "mutate.js") }).ended;
  expect([code, stderr]).toEqual([2, "loam: --limit: expected an integer of at least 1, got 0.\n"]);
});

deepTest("docs/mutation.md: every command runs, with one mutant and the nearest tests, and counts as the page shows", async () => {
  const one = "--limit 1 --in";
  await followPage(readFileSync(join(root, "docs", "mutation.md"), "utf8"), {
    cwd: root,
    own: {
      "src/statistics/corrections.ts ": `src/statistics/corrections.ts ${one} src/statistics/corrections `,
      "--limit 40": `${one} src/nn/generate/sample`,
      "--near --lines 20-60": `${one} src/gateway/policy --lines 20-60`,
    },
  });
});
