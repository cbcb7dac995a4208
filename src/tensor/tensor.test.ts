import { inspect } from "node:util";
import { expect, test } from "vitest";
import { safeAliases } from "./alias.ts";
import { checkpoint } from "./checkpoint.ts";
import { compile, trace } from "./compile.ts";
import { openDevice } from "./device.ts";
import { fromBf16, fromF16, toBf16, toF16 } from "./dtype.ts";
import { evaluate } from "./evaluate.ts";
import * as f from "./functions.ts";
import { grad, valueAndGrad } from "./grad.ts";
import { graphHash, graphOf, loadGraph, nodesOf, printGraph, storeGraph } from "./graph.ts";
import { checkShape } from "./shape.ts";
import { simplify } from "./simplify.ts";
import { checkGraph } from "./spec.ts";
import { graphSvg } from "./svg.ts";
import { constant, input, type Tensor } from "./tensor.ts";

const spec = (shape: readonly number[]) => ({ shape, dtype: "f32" as const });

test("a shape error names the place, the letters and the sizes", () => {
  const q = input("q", [16, 256, 380]);
  expect(() => checkShape("attention.q", q, "B T C=384")).toThrow("attention.q: expected [B, T, C=384], got [16, 256, 380].");
  const bound = checkShape("attention.q", q, "B T C");
  expect(bound).toEqual({ B: 16, T: 256, C: 380 });
  expect(() => checkShape("attention.k", input("k", [16, 200, 380]), "B T C", bound)).toThrow(
    "attention.k: expected [B=16, T=256, C=380], got [16, 200, 380].",
  );
  expect(() => f.matmul(input("a", [7, 2, 3]), input("b", [4, 5]))).toThrow("The inputs are [7, 2, 3] and [4, 5].");
  expect(() => f.matmul(input("a", [2, 3]), input("b", [4, 5]))).toThrow(/matmul: expected \[\.\.\., M, K=3\] x \[\.\.\., K=3, N\], got/);
  expect(() => f.add(input("a", [2, 3]), input("b", [4]))).toThrow(/add: expected shapes that broadcast.*\[2, 3\] and \[4\]/);
  expect(() => f.add(input("a", [2]), input("b", [2], "i32"))).toThrow(
    /add: expected the same dtype on each input \(f32\), got i32\. Use cast\(\)/,
  );
  expect(() => f.transpose(input("a", [2, 3]), [0, 0])).toThrow(/transpose: expected a permutation of 0\.\.1, got \[0, 0\]/);
  expect(() => constant([[1, 2], [3]])).toThrow(/lists of equal length \(2\) at depth 1, got 1/);
});

test("half and bfloat16 words survive the trip for every word, and round to nearest even", () => {
  for (let w = 0; w < 65536; w++) {
    const [h, b] = [fromF16(w), fromBf16(w)];
    if (!Number.isNaN(h)) expect(toF16(h)).toBe(w);
    if (!Number.isNaN(b)) expect(toBf16(b)).toBe(w);
  }
  expect(fromF16(toF16(1 + 2 ** -11))).toBe(1); // a tie goes to the even word
  expect(fromF16(toF16(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
  expect(fromBf16(toBf16(1 + 2 ** -8))).toBe(1);
  expect(toF16(1e6)).toBe(0x7c00);
  expect(fromF16(toF16(2 ** -24))).toBe(2 ** -24);
  expect(Number.isNaN(fromBf16(toBf16(Number.NaN)))).toBe(true);
});

test("a tensor and an array print what one wants to know", async () => {
  expect(inspect(f.add(input("x", [2, 3]), 1))).toBe("Tensor(add f32[2, 3])");
  const device = openDevice("reference");
  expect(
    inspect(
      await device.array([
        [1, 2.5],
        [-3, 1e-9],
      ]),
    ),
  ).toBe("DeviceArray(f32[2, 2]\n[[1, 2.5000],\n [-3, 1.000e-9]])");
  const long = String(await device.array(Float32Array.from({ length: 100 }, (_, i) => i)));
  expect(long).toContain("[0, 1, 2, ..., 97, 98, 99]");
  expect(
    await (
      await device.array(
        [
          [1, 0],
          [0, 1],
        ],
        "bool",
      )
    ).nested(),
  ).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

test("a graph prints as readable text", () => {
  const g = trace((x: Tensor, w: Tensor) => f.sum(f.tanh(f.matmul(x, w))), spec([2, 3]), spec([3, 1]));
  expect(printGraph(g)).toBe(`program(0: f32[2, 3], 1: f32[3, 1]) {
  %0 = matmul[transposeA=false transposeB=false alpha=1](0, 1)  # f32[2, 1]
  %1 = tanh(%0)  # f32[2, 1]
  %2 = sum[axes=[0,1] keep=false](%1)  # f32[]
  return %2
}`);
});

test("a graph draws as SVG: every node once, text escaped, no two boxes in one place", () => {
  const g = trace((x: { "<a>": Tensor; b: Tensor }) => f.mul(f.exp(x["<a>"]), f.add(x.b, x["<a>"])), { "<a>": spec([2]), b: spec([2]) });
  const svg = graphSvg(g);
  expect(svg.match(/<rect /g)!.length).toBe(nodesOf(g).length);
  expect(svg).toContain("0.&lt;a&gt;");
  const places = svg.match(/translate\([^)]*\)/g)!;
  expect(new Set(places).size).toBe(places.length);
});

test("the hash of a graph is its meaning's: the same trace gives the same, another constant another", () => {
  const hash = (c: number) => graphHash(trace((x: Tensor) => f.mul(x, c), spec([2])));
  expect(hash(2)).toBe(hash(2));
  expect(hash(2)).not.toBe(hash(3));
});

test("a damaged stored graph is refused, whatever is damaged", () => {
  const good = storeGraph(trace((x: Tensor) => f.add(f.reshape(x, [4]), constant([1, 2, 3, 4])), spec([2, 2])));
  /** Loading a copy in which the value at a path is another. */
  const spoil = (path: readonly (string | number)[], value: unknown) => () => {
    const copy = JSON.parse(JSON.stringify(good));
    const holder = path.slice(0, -1).reduce((o, k) => o[k], copy);
    holder[path.at(-1)!] = value;
    return loadGraph(copy);
  };
  expect(spoil(["version"], 9)).toThrow(/expected a loam-graph of version 1/);
  expect(spoil(["nodes", 0, 0], "nonsense")).toThrow(/expected a known operation, got operation "nonsense"/);
  expect(spoil(["nodes", 0, 1], [7])).toThrow(/expected a node number below/);
  expect(spoil(["nodes", 0, 2, "shape"], [3])).toThrow(/reshape: expected a shape of 4 elements/);
  expect(spoil(["nodes", 1, 2, "data"], "AAAA")).toThrow(/expected 4 elements|multiple of 4 bytes/);
  expect(spoil(["outputs", 0], 99)).toThrow(/expected a node number below/);
});

test("the spec refuses what inference alone would let pass", () => {
  const x = input("x", [2, 3]);
  expect(() => checkGraph(graphOf([x], [f.softmax(x)]), new Set())).toThrow(/softmax: expected composites expanded/);
  expect(() => checkGraph(graphOf([x], [f.layerNorm(x, f.full([3], 1), undefined, 0)]))).toThrow(/an epsilon in \(0, 1\)/);
  expect(() => checkGraph(graphOf([x, input("x", [2])], [x]))).toThrow(/inputs of different names, got "x" twice/);
  expect(() => graphOf([], [f.exp(x)])).toThrow(/inputs that belong to the program, got "x" from another trace/);
});

test("simplifying finds what a hand would", () => {
  const kinds = (fn: (...xs: Tensor[]) => Tensor, ...shapes: number[][]) => {
    const inputs = shapes.map((s, i) => input(`x${i}`, s));
    return nodesOf(simplify(graphOf(inputs, [fn(...inputs)]), new Set(["softmax", "matmulAdd"])))
      .filter(t => t.kind !== "input" && t.kind !== "constant")
      .map(t => t.kind);
  };
  expect(kinds(x => f.mul(f.add(x!, 0), 1), [3])).toEqual([]);
  expect(kinds(x => f.neg(f.neg(x!)), [3])).toEqual([]);
  expect(kinds(x => f.transpose(f.transpose(x!)), [2, 3])).toEqual([]);
  expect(kinds((a, b) => f.matmul(f.transpose(a!), f.transpose(b!)), [3, 2], [4, 3])).toEqual(["matmul"]);
  expect(kinds((a, b) => f.mul(f.matmul(a!, b!), 0.5), [2, 3], [3, 4])).toEqual(["matmul"]);
  expect(kinds(x => f.add(f.exp(x!), f.exp(x!)), [3])).toEqual(["exp", "add"]);
  expect(kinds(x => f.add(x!, f.broadcastTo(constant(2), [3])), [3])).toEqual(["add"]);
  expect(kinds((t, y) => f.add(f.scatterRows(f.zeros([4, 2]), constant([1], "i64"), t!, "add"), y!), [1, 2], [4, 2])).toEqual([
    "scatterRows",
  ]);
  expect(kinds((a, b, c) => f.add(f.matmul(a!, b!), c!), [2, 3], [3, 4], [2, 4])).toEqual(["matmulAdd"]);
  // rows under leading axes are one matrix
  expect(kinds((a, b, c) => f.softmax(f.add(f.matmul(a!, b!), c!)), [2, 2, 3], [3, 4], [4])).toEqual([
    "reshape",
    "matmul",
    "add",
    "softmax",
    "reshape",
  ]);
});

test("an output takes over an input's memory only where every other reader has run", () => {
  const alias = (fn: (w: Tensor, x: Tensor) => readonly Tensor[]) => {
    const [w, x] = [input("w", [4]), input("x", [4])];
    return safeAliases(graphOf([w, x], fn(w, x)), new Map([[0, 0]])).has(0);
  };
  expect(alias((w, x) => [f.add(w, x)])).toBe(true);
  expect(alias((w, x) => [f.add(w, f.mul(f.sum(f.mul(w, x)), x))])).toBe(true); // the other reader is an ancestor
  expect(alias((w, x) => [f.add(w, x), f.exp(w)])).toBe(false); // the exponential may come later
  expect(alias(w => [f.reshape(f.transpose(f.reshape(w, [2, 2])), [4])])).toBe(true); // the read is over before the last view
  expect(alias((w, x) => [f.add(f.reshape(f.reshape(w, [2, 2]), [4]), x)])).toBe(false); // reads a view of what it would overwrite
  expect(alias(w => [w])).toBe(false);
  const rows = constant([2, 0], "i64");
  expect(alias((w, x) => [f.scatterRows(w, rows, f.slice(x, [0, 2]), "set")])).toBe(true); // the rest of w stays where it is
  expect(alias(w => [f.scatterRows(w, rows, f.reshape(f.slice(w, [0, 2]), [2]), "set")])).toBe(true); // a slice is read before, and copied
  expect(alias(w => [f.scatterRows(w, constant([0, 1, 2, 3], "i64"), f.reshape(w, [4]), "add")])).toBe(false); // the rows are the memory itself
});

test("recomputing gives the same value and gradient, also of what the function captured, also nested", async () => {
  const device = openDevice("cpu", { threads: 1 });
  const run = (wrap: <A extends unknown[], R>(g: (...a: A) => R) => (...a: A) => R) =>
    compile(
      (p: { w: Tensor; v: Tensor }, x: Tensor) =>
        valueAndGrad((q: { w: Tensor; v: Tensor }) => {
          const inner = wrap((h: Tensor) => f.tanh(f.matmul(h, q.w)));
          const outer = wrap((h: Tensor) => f.mul(inner(inner(h)), q.v));
          return f.sum(f.mul(outer(x), outer(x)));
        })(p),
      { device },
    );
  const p = {
    w: await device.array([
      [0.3, -0.2],
      [0.5, 0.7],
    ]),
    v: await device.array([1.5, -0.5]),
  };
  const x = await device.array([
    [1, 2],
    [3, -1],
    [0.5, 0.25],
  ]);
  const [a, ga] = await run(g => g)(p, x);
  const [b, gb] = await run(checkpoint)(p, x);
  expect(await b.item()).toBeCloseTo(await a.item(), 6);
  for (const k of ["w", "v"] as const) {
    const [m, n] = [await ga[k].numbers(), await gb[k].numbers()];
    m.forEach((v, i) => {
      expect(n[i]).toBeCloseTo(v, 5);
    });
  }
});

test("a recomputed block is computed twice and not joined again", () => {
  const g = trace(
    (w: Tensor, x: Tensor) => grad((v: Tensor) => f.sum(checkpoint((h: Tensor) => f.exp(f.sin(f.mul(h, v))))(f.exp(x))))(w),
    spec([3]),
    spec([3]),
  );
  const kinds = nodesOf(simplify(g)).map(t => t.kind);
  // the forward's exponential of x and the recomputed one of the block: the loss itself is not asked for
  expect(kinds.filter(k => k === "barrier").length).toBe(1);
  expect(kinds.filter(k => k === "sin").length).toBe(1);
});

test("a counter-based uniform is a function of seed, stream and place alone", () => {
  const seed = input("seed", [], "i32");
  const draw = (s: number, stream: number, shape: number[]) =>
    evaluate([f.randomUniform(seed, shape, stream)], new Map([[seed, Float64Array.of(s)]]))[0]!;
  expect([...draw(1, 0, [4])]).toEqual([...draw(1, 0, [2, 2])]);
  expect([...draw(1, 0, [4])]).not.toEqual([...draw(2, 0, [4])]);
  expect([...draw(1, 0, [4])]).not.toEqual([...draw(1, 1, [4])]);
  const many = draw(7, 3, [20_000]);
  const mean = many.reduce((a, b) => a + b, 0) / many.length;
  const variance = many.reduce((a, b) => a + (b - mean) ** 2, 0) / many.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.003);
});
