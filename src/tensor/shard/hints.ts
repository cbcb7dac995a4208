/**
 * The layouts that results would like best, walked back from the outputs to what they are made of: a gradient that must come out parted by the
 * vocabulary is best written into zeros that are parted so. Hints change what is sent and never what is computed.
 */
import { type Graph, nodesOf } from "../graph.ts";
import { type OpKind, ops } from "../ops.ts";
import { sameShape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";
import { reshapedShardLayout, type ShardLayout, withPartial } from "./layout.ts";
import type { Mesh } from "./mesh.ts";

const inverse = (permutation: readonly number[]): number[] => permutation.map((_, i) => permutation.indexOf(i));

function inputHint(t: Tensor, at: number, hint: ShardLayout, mesh: Mesh): ShardLayout | undefined {
  const x = t.inputs[at]!;
  if (isKind(t, "reshape")) return reshapedShardLayout(hint, x.shape, mesh).layout;
  if (isKind(t, "transpose")) return { ...hint, dimensions: inverse(t.attributes.permutation).map(p => hint.dimensions[p]!) };
  if (isKind(t, "scatterRows") || isKind(t, "putAlong")) return at === 0 ? hint : undefined;
  const isAlike = ops[t.kind].elementwise || isKind(t, "cast") || (isKind(t, "barrier") && at === 0);
  return isAlike && sameShape(x.shape, t.shape) ? hint : undefined;
}

/** Of a sum over ranks, sums over ranks of the inputs. */
const staysSum: ReadonlySet<OpKind> = new Set<OpKind>(["identity", "stopGradient", "neg", "add", "sub", "reshape", "transpose"]);

/** What each node's result is wanted as, where anything is known of that; the first reader from the end counts. */
export function layoutHints(graph: Graph, outputs: readonly (ShardLayout | undefined)[], mesh: Mesh): ReadonlyMap<Tensor, ShardLayout> {
  const hints = new Map<Tensor, ShardLayout>();
  for (const [i, t] of graph.outputs.entries()) {
    const wanted = outputs[i];
    if (wanted && !hints.has(t)) hints.set(t, wanted);
  }
  for (const t of nodesOf(graph).reverse()) {
    const hint = hints.get(t);
    if (!hint) continue;
    for (const [i, x] of t.inputs.entries()) {
      const made = hints.has(x) ? undefined : inputHint(t, i, hint, mesh);
      if (made) hints.set(x, staysSum.has(t.kind) ? made : withPartial(made, []));
    }
  }
  return hints;
}
