// A model of your own: its block, its loss, its parameters. Everything else (gradients, optimiser, devices) is derived from these lines.
import {
  add,
  concat,
  constant,
  crossEntropy,
  cumsum,
  div,
  embedding,
  linear,
  linearSpec,
  matmul,
  mean,
  mul,
  norm,
  normSpec,
  pad,
  repeat,
  sigmoid,
  slice,
  square,
  table,
  tanh,
} from "loam";

export const size = { vocab: 128, width: 48, layers: 3, length: 32 };

/** Parameters as a plain tree: shapes and start values. */
export const parameters = ({ vocab, width, layers } = size) => ({
  token: table([vocab, width], 0.3),
  blocks: repeat(layers, () => ({
    norm: normSpec(width, false),
    mix: linearSpec(3 * width, 2 * width, 0.1, true),
    out: linearSpec(width, width, 0.05, true),
  })),
  norm: normSpec(width, false),
});

/** Own block: each place sees itself, its neighbour to the left, and the mean of everything before; a gate decides. x [B, T, C]. */
function block(p, x) {
  const [, t, c] = x.shape;
  const h = norm("rms", p.norm, x);
  const left = slice(pad(h, [0, 1, 0], [0, 0, 0]), undefined, [0, t]);
  const past = div(
    cumsum(h, 1),
    constant(
      Float32Array.from({ length: t }, (_, i) => i + 1),
      "f32",
      [1, t, 1],
    ),
  );
  const mixed = linear(p.mix, concat([h, left, past], 2));
  const [value, gate] = [slice(mixed, undefined, undefined, [0, c]), slice(mixed, undefined, undefined, [c, 2 * c])];
  return add(x, linear(p.out, mul(tanh(value), sigmoid(gate))));
}

/** Logits [B, T, V] of tokens [B, T]. */
export const logits = (p, tokens) =>
  matmul(
    norm(
      "rms",
      p.norm,
      p.blocks.reduce((x, b) => block(b, x), embedding(p.token, tokens)),
    ),
    p.token,
    { transposeB: true },
  );

/** Own loss: cross-entropy, and a small price on large logits, which keeps them from drifting. */
export function loss(p, { tokens, targets, weights }, scale) {
  const z = logits(p, tokens);
  return add(crossEntropy(z, targets, weights, scale), mul(mean(square(z)), 1e-4));
}
