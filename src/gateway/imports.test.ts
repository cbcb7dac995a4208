/** The gateway's import graph: no circle, a contract of types alone, and a path of requests that knows no migration. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map(file => file.split(sep).join("/"))
  .filter(file => file.endsWith(".ts") && !/\.(test|laws)\.ts$/.test(file));
const textOf = (file: string) => readFileSync(join(root, file), "utf8");
const pattern = /^(?:import|export)\s(?:[^"';]*?\sfrom\s)?"(\.[^"]+)"|import\("(\.[^"]+)"\)/gm;
const graph = new Map(
  files.map(file => {
    const targets = [...textOf(file).matchAll(pattern)].map(m => join(dirname(join(root, file)), m[1] ?? m[2]!));
    return [file, targets.map(target => relative(root, target).split(sep).join("/")).filter(target => files.includes(target))];
  }),
);

/** Strongly connected components of more than one file (Tarjan, "Depth-first search and linear graph algorithms", 1972). */
function circles(of: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const next of of.get(file)!) {
      if (!index.has(next)) visit(next);
      else if (!stack.includes(next)) continue;
      low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) found.push(circle.toSorted());
  };
  for (const file of of.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** All that a file imports, also by way of others. */
function reached(from: string): Set<string> {
  const seen = new Set([from]);
  for (const file of seen) for (const next of graph.get(file)!) seen.add(next);
  return seen;
}

test("circles are seen: two files that import each other, and a file that only imports them", () => {
  const circle = circles(new Map(Object.entries({ a: ["b"], b: ["c"], c: ["a"], d: ["a"] })));
  expect(circle).toEqual([["a", "b", "c"]]);
});

test("no file imports itself by way of others, types included", () => {
  expect(files.length).toBeGreaterThan(200);
  expect(circles(graph)).toEqual([]);
});

test("contracts and ports are types alone, and import types alone", () => {
  for (const file of [
    "contract.ts",
    "limits/contract.ts",
    "identity/contract.ts",
    "ports.ts",
    "pipeline/fields.ts",
    "http/admitted-request.ts",
  ]) {
    const text = textOf(file);
    expect([file, text.match(/^import (?!type )/gm) ?? []]).toEqual([file, []]);
    expect([file, text.match(/^export (?!(type|interface) )/gm) ?? []]).toEqual([file, []]);
  }
});

test("nothing on the path of a request imports a migration", () => {
  for (const file of ["gateway.ts", "control.ts", "http/listen.ts", "config/follow.ts", "config/read-config.ts"])
    expect([...reached(file)].filter(f => f.startsWith("migrate/"))).toEqual([]);
  expect([...reached("index.ts")].filter(f => f.startsWith("migrate/")).length).toBeGreaterThan(10);
});

test("a step is a file with one exported step, and knows no other", () => {
  const steps = files.filter(file => file.startsWith("pipeline/steps/"));
  const knows = steps
    .map(file => [file, graph.get(file)!.filter(target => target.startsWith("pipeline/steps/"))] as const)
    .filter(([, t]) => t.length > 0);
  // metrics may be open to everybody, as the configuration says
  expect(knows).toEqual([["pipeline/steps/show-metrics.ts", ["pipeline/steps/identify.ts"]]]);
  const listed = graph.get("pipeline/pipelines.ts")!;
  expect(steps.filter(file => !listed.includes(file))).toEqual([]);
});
