/** Arguments of any type for every operation and every way in, and stored graphs with a value changed: refused by a LoamError, or sound. */
import { LoamError, type Random } from "../../src/base/index.ts";
import * as f from "../../src/tensor/functions.ts";
import {
  compile,
  constant,
  type Device,
  evaluate,
  grad,
  graphOf,
  input,
  loadGraph,
  openDevice,
  storeGraph,
  Tensor,
  trace,
  valueAndGrad,
} from "../../src/tensor/index.ts";
import type { Outcome } from "./tensor-fuzz.ts";
import { randomGraph } from "./tensor-fuzz-programs.ts";

const pick = <T>(r: Random, from: readonly T[]): T => from[r.below(from.length)]!;

async function junk(r: Random, device: Device): Promise<unknown> {
  const numbers = [0, 1, -1, 2, 3, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 53, 1e300];
  return pick<() => unknown>(r, [
    () => undefined,
    () => null,
    () => pick(r, numbers),
    () => pick(r, ["", "f32", "i32", "x", "add", "set", "reference"]),
    () => true,
    () => 5n,
    () => ({}),
    () => [],
    () => [pick(r, numbers), pick(r, numbers)],
    () => [[1, 2], [3]],
    () => ({ shape: [2], dtype: "f32" }),
    () => ({ axis: 0, transposeA: 1, reverse: "x" }),
    () => () => 1,
    () => new Date(0),
    () => new Float32Array(pick(r, [0, 2, 6])),
    () => new BigInt64Array(2),
    () =>
      constant(
        pick(r, [
          1,
          [1, 2],
          [
            [1, 2],
            [3, 4],
          ],
        ]),
        pick(r, ["f32", "i32", "i64", "f16", "u8", "bool"] as const),
      ),
    () =>
      constant([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    () => constant([0, 1], "i64"),
    () => input("x", [2, 3]),
    () => device.full([2], 1),
  ])();
}

export async function junkRound(r: Random, device: Device): Promise<Outcome> {
  const functions = Object.entries(f).filter((e): e is [string, never] => typeof e[1] === "function") as [
    string,
    (...a: unknown[]) => unknown,
  ][];
  const ways: readonly [string, (...a: never[]) => unknown][] = [
    ...functions,
    ...functions,
    ["constant", constant],
    ["input", input],
    ["device.array", (...a) => device.array(...(a as unknown as Parameters<Device["array"]>))],
    ["device.full", (...a) => device.full(...(a as unknown as Parameters<Device["full"]>))],
    ["device.zeros", (...a) => device.zeros(...(a as unknown as Parameters<Device["zeros"]>))],
    ["openDevice", openDevice],
    ["run", (...a) => compile((x: Tensor, y: Tensor) => f.add(x, y), { device })(...(a as unknown as [number, number]))],
    ["compile", (...a) => compile((...xs: Tensor[]) => xs.map(x => f.mul(x, 2)), { device })(...(a as unknown as number[]))],
    ["grad", (a, b) => grad((x: Tensor) => f.sum(f.mul(x, b)))(a)],
    ["valueAndGrad", a => valueAndGrad((x: Tensor) => f.sum(x))(a)],
    ["trace", (...a) => trace((...xs: Tensor[]) => xs, ...(a as unknown as []))],
  ];
  let isValue = false;
  for (let n = 0; n < 20; n++) {
    const [name, act] = pick(r, ways);
    const args: unknown[] = [];
    for (let i = r.below(5); i >= 0; i--) args.push(await junk(r, device));
    try {
      const made = await act(...(args as never[]));
      if (made instanceof Tensor && made.size < 1e5) evaluateLoose(made);
      isValue = true;
    } catch (error) {
      if (!(error instanceof LoamError)) throw new Error(`${name}(${args.map(shown).join(", ")}): ${String(error)}`, { cause: error });
    }
  }
  return isValue ? "value" : "refused";
}

/** What was built computes, unless it has inputs. */
function evaluateLoose(t: Tensor): void {
  evaluate([t], new Map());
}

function shown(x: unknown): string {
  try {
    return x instanceof Tensor ? x.toString() : typeof x === "bigint" ? `${x}n` : (JSON.stringify(x) ?? String(x));
  } catch {
    return typeof x;
  }
}

/** A value somewhere in a tree of plain data, changed. */
function mutated(r: Random, x: unknown): unknown {
  if (Array.isArray(x) && x.length > 0) {
    const at = r.below(x.length);
    return r.below(12) === 0 ? x.filter((_, i) => i !== at) : x.map((v, i) => (i === at ? mutated(r, v) : v));
  }
  if (typeof x === "object" && x !== null && Object.keys(x).length > 0) {
    const at = pick(r, Object.keys(x));
    return { ...x, [at]: mutated(r, (x as Record<string, unknown>)[at]) };
  }
  return pick<unknown>(r, [0, 1, -1, 3, 1000, 2 ** 40, 0.5, "add", "f32", "i64", null, [], true, {}]);
}

export async function storedRound(r: Random, device: Device): Promise<Outcome> {
  const { inputs, made } = randomGraph(r);
  const stored = JSON.parse(JSON.stringify(storeGraph(graphOf(inputs, [made.at(-1)!.t]))));
  try {
    const graph = loadGraph(mutated(r, stored) as never);
    if ([...graph.inputs, ...graph.outputs].some(t => t.size > 1e5)) return "uncompared";
    const program = compile((...xs: Tensor[]) => rebuilt(graph.inputs, graph.outputs, xs), { device });
    try {
      await program(...((await Promise.all(graph.inputs.map(t => device.zeros(t.shape, t.dtype)))) as never[]));
    } finally {
      program.dispose();
    }
    return "value";
  } catch (error) {
    if (!(error instanceof LoamError)) throw error;
    return "refused";
  }
}

/** A graph's outputs over other inputs. */
function rebuilt(inputs: readonly Tensor[], outputs: readonly Tensor[], xs: readonly Tensor[]): Tensor[] {
  const known = new Map<Tensor, Tensor>(inputs.map((t, i) => [t, xs[i]!]));
  const build = (t: Tensor): Tensor => {
    const found = known.get(t) ?? new Tensor(t.kind, t.inputs.map(build), t.attributes as never);
    known.set(t, found);
    return found;
  };
  return outputs.map(build);
}
