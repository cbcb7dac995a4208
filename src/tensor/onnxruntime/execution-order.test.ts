import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { executionOrder, type OnnxModel, type OnnxNode, writeModel } from "../onnx/index.ts";
import { openRuntime, type SessionOptions } from "./index.ts";

const runtime = openRuntime({ threads: 1 });
const shape = [64, 64];
const value = (name: string) => ({ name, dtype: "f32" as const, shape });

/** The nodes' names in the order in which they ran. */
function ran(bytes: Uint8Array, model: OnnxModel, options: SessionOptions): string[] {
  const folder = mkdtempSync(join(tmpdir(), "loam-order-"));
  try {
    const session = runtime.createSession(bytes, { optimizationLevel: "none", ...options, profile: join(folder, "profile") });
    const buffers = (names: readonly { name: string }[]) => Object.fromEntries(names.map(v => [v.name, runtime.allocate("f32", shape)]));
    session.prepare(buffers(model.inputs), buffers(model.outputs)).sync();
    const events = JSON.parse(readFileSync(session.endProfile(), "utf8")) as { name: string; cat: string; ts: number }[];
    session.dispose();
    return events.filter(e => e.cat === "Node" && e.name.endsWith("_kernel_time")).map(e => e.name.replace("_kernel_time", ""));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A random graph: each node adds or negates earlier values; a few values are outputs, others may be read by nobody. */
const anyGraph = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 14 }).map((rows): OnnxModel => {
  const nodes = rows.map(([a, b, one], i): OnnxNode => {
    const names = ["x", ...rows.slice(0, i).map((_, j) => `n${j}`)];
    // Far inputs are as likely as near ones.
    const inputs = one ? [names[a % names.length]!] : [names[a % names.length]!, names[b % names.length]!];
    return { op: one ? "Neg" : "Add", name: `n${i}`, inputs, outputs: [`n${i}`] };
  });
  const read = new Set(nodes.flatMap(n => n.inputs));
  // A value that nobody reads and that is no output would be removed with its node.
  const outputs = nodes.filter((n, i) => !read.has(n.outputs[0]!) || i % 5 === 0).map(n => value(n.outputs[0]!));
  return { nodes, inputs: [value("x")], outputs, initializers: [] };
});

test("the engine runs the nodes in the order foretold, for files in either order", () => {
  fc.assert(
    fc.property(anyGraph, model => {
      const names = (nodes: readonly OnnxNode[]) => executionOrder(nodes).map(i => nodes[i]!.name);
      expect(ran(writeModel(model), model, {})).toEqual(names(model.nodes));
      expect(ran(writeModel(model, { nodeOrder: "reversed" }), model, {})).toEqual(names(model.nodes.toReversed()));
    }),
    { numRuns: 40, verbose: 1 },
  );
});

test("the example of docs/onnxruntime.md: listed, all recomputation comes first; reversed, the model's order holds", () => {
  const node = (output: string, ...inputs: string[]): OnnxNode => ({ op: "Any", inputs, outputs: [output] });
  const forward = [node("h1", "x", "w1"), node("h2", "h1", "w2")];
  const second = [node("r2", "h1", "w2"), node("dw2", "r2", "d"), node("d1", "r2", "d")];
  const listed = [...forward, ...second, node("r1", "x", "w1"), node("dw1", "r1", "d1")];
  const run = (nodes: readonly OnnxNode[]) =>
    executionOrder(nodes)
      .map(i => nodes[i]!.outputs[0])
      .join(" ");
  expect(run(listed)).toBe("r1 h1 r2 d1 dw1 dw2 h2");
  expect(run(listed.toReversed())).toBe("h1 h2 r2 dw2 d1 r1 dw1");
});

/** Blocks h = neg(exp(x W)), and backwards; `again` computes exp(x W) a second time for the way back. The numbers mean nothing. */
function blocks(count: number, again: boolean): OnnxModel {
  const nodes: OnnxNode[] = [];
  const node = (op: string, inputs: string[], output: string) => {
    nodes.push({ op, name: output, inputs, outputs: [output] });
    return output;
  };
  const outputs: string[] = [];
  let h = "x";
  const before: string[] = [];
  for (let i = 0; i < count; i++) {
    before.push(h);
    h = node("Neg", [node("Exp", [node("MatMul", [h, "w"], `m${i}`)], `e${i}`)], `h${i}`);
  }
  let d = h;
  for (let i = count - 1; i >= 0; i--) {
    const e = again ? node("Exp", [node("MatMul", [before[i]!, "w"], `rm${i}`)], `re${i}`) : `e${i}`;
    const inner = node("Mul", [d, e], `de${i}`);
    outputs.push(node("MatMul", [before[i]!, inner], `dw${i}`));
    d = node("MatMul", [inner, "w"], `dx${i}`);
  }
  return { nodes, inputs: [value("x"), value("w")], outputs: [...outputs, d].map(value), initializers: [] };
}

test("reversed files make recomputation save memory; without them, or with twins merged, it saves none", () => {
  const apart: SessionOptions = { disabledOptimizers: ["CommonSubexpressionElimination"] };
  const peak = (model: OnnxModel, nodeOrder: "listed" | "reversed", options: SessionOptions = {}) => {
    const session = runtime.createSession(writeModel(model, { nodeOrder }), { arena: "own", ...options });
    const buffers = (names: readonly { name: string }[]) => Object.fromEntries(names.map(v => [v.name, runtime.allocate("f32", shape)]));
    session.prepare(buffers(model.inputs), buffers(model.outputs)).sync();
    const { peakBytes } = session.memory();
    session.dispose();
    return peakBytes;
  };
  // Every block keeps x; without recomputation exp(x W) as well.
  const plain = peak(blocks(12, false), "reversed");
  expect(peak(blocks(12, true), "reversed", apart) / plain).toBeLessThan(0.65);
  expect(peak(blocks(12, true), "reversed") / plain).toBeGreaterThan(0.9);
  expect(peak(blocks(12, true), "listed", apart) / plain).toBeGreaterThan(0.9);
});
