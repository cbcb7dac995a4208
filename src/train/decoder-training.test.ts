/** The loss of multi-token prediction against its definition, written with the parts that it is made of, in float64. */
import { expect, test } from "vitest";
import { random, type Tree, treeFrom, treePaths } from "../base/index.ts";
import { type DecoderSpec, decoderBlock, decoderStates, type ParameterSpec, startValues, type TensorsOf, unembed } from "../nn/index.ts";
import { constant, evaluate, input, sizeOf, type Tensor } from "../tensor/index.ts";
import { decoderLoss, type TrainedSpec, trainedSpec } from "./decoder-training.ts";
import { toyModel } from "./toy.laws.ts";

const recipe = { dropout: 0, rematerialise: false, attentionBlock: 16, multiToken: { tokens: 3, weight: 0.25 } };
const [rows, length] = [2, 8];

function given() {
  const r = random("multi-token");
  // a tree of specifications, which its interface does not say
  const specs = trainedSpec(toyModel, { multiToken: recipe.multiToken }) as unknown as Tree<ParameterSpec>;
  const paths = treePaths<ParameterSpec>(specs);
  const leaves = paths.map(([path, s]) =>
    constant(
      Float32Array.from(startValues({ ...s }, path, 1), x => 5 * x),
      "f32",
      s.shape,
    ),
  );
  const p = treeFrom<ParameterSpec, Tensor>(specs, leaves) as TensorsOf<TrainedSpec>;
  const ids = () => Int32Array.from({ length: rows * length }, () => r.below(toyModel.vocab));
  const [tokens, targets] = [ids(), ids()];
  // the first row has two documents, the second one and two empty places
  const segments = Int32Array.of(0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, -1, -1);
  const positions = Int32Array.of(0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 3, 4, 5, 0, 0);
  const weights = Float32Array.from(segments, s => (s < 0 ? 0 : 1));
  const of = (x: Int32Array | Float32Array) => constant(x, x instanceof Int32Array ? "i32" : "f32", [rows, length]);
  const batch = {
    tokens: of(tokens),
    targets: of(targets),
    segments: of(segments),
    positions: of(positions),
    weights: of(weights),
    seed: constant(Int32Array.of(0), "i32", []),
  };
  return { p, batch, targets, segments, weights };
}

test("each further token's loss is that of its own block at the tokens of the same document", () => {
  const { p, batch, targets, segments, weights } = given();
  const scale = input("scale", []);
  const [loss] = evaluate([decoderLoss(toyModel, recipe)(p, batch, scale)], new Map([[scale, Float64Array.of(1)]]), { exact: true });
  let trunk: Tensor | undefined;
  const options = { segments: batch.segments, positions: batch.positions };
  const last = decoderStates(toyModel, p as TensorsOf<DecoderSpec>, batch.tokens, {
    ...options,
    onBlock: (layer, h) => {
      if (layer === toyModel.layers - 2) trunk = h;
    },
  });
  const states = [last, ...p.further!.map(b => decoderBlock(toyModel, toyModel.layers - 1, b, trunk!, options))];
  const logits = evaluate(
    states.map(s => unembed(toyModel, p, s)),
    new Map(),
    { exact: true },
  );
  const { vocab } = toyModel;
  let want = 0;
  for (const [ahead, of] of logits.entries())
    for (let row = 0; row < rows; row++)
      for (let t = 0; t + ahead < length; t++) {
        const [here, there] = [row * length + t, row * length + t + ahead];
        if (segments[here] !== segments[there] || !weights[there]) continue;
        const line = of.slice(here * vocab, (here + 1) * vocab);
        const most = Math.max(...line);
        const total = most + Math.log(line.reduce((s, x) => s + Math.exp(x - most), 0));
        want += (ahead === 0 ? 1 : recipe.multiToken.weight) * (total - line[targets[there]!]!);
      }
  expect(loss![0]).toBeCloseTo(want, 8);
  expect(sizeOf(batch.tokens.shape)).toBe(16);
});
