// Predictors of Adult. Logistic regression is fitted to its optimum in float64. The debiased predictor is a linear map or a network with one hidden layer,
// traced once and trained by the trainer that tunes language models, against an adversary that predicts the group.
import { adamw, createTrainer, grouped, linear, linearSpec, mul, openDevice, random, single, sum } from "loam";
import { lbfgs } from "loam/evaluate";
import { negativeLogLikelihood } from "loam/nn";
import { add, relu } from "loam/tensor";
import { adversaryLoss, adversarySpecs, gradientOnly, isOfAdversary, reversed } from "loam/train";

const sigmoid = z => 1 / (1 + Math.exp(-z));

/** Probabilities of the positive class by a linear model [width + 1], the intercept last. */
const linearProbabilities = (weights, { x, rows }, width) =>
  Float64Array.from({ length: rows }, (_, i) => {
    let z = weights[width];
    for (let j = 0; j < width; j++) z += weights[j] * x[i * width + j];
    return sigmoid(z);
  });

/** Logistic regression with sample weights; the penalty l2 / 2 |w|^2 leaves the intercept out. Gives the probabilities of a part's rows. */
export function logisticRegression({ width, train }, { weights, l2 = 1 } = {}) {
  const objective = (w, gradient) => {
    gradient.fill(0);
    let value = 0;
    for (let i = 0; i < train.rows; i++) {
      let z = w[width];
      for (let j = 0; j < width; j++) z += w[j] * train.x[i * width + j];
      const own = weights?.[i] ?? 1;
      value += own * (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - (train.y[i] ? z : 0));
      const d = own * (sigmoid(z) - train.y[i]);
      for (let j = 0; j < width; j++) gradient[j] += d * train.x[i * width + j];
      gradient[width] += d;
    }
    for (let j = 0; j < width; j++) {
      value += (l2 / 2) * w[j] ** 2;
      gradient[j] += l2 * w[j];
    }
    // per row, so that the tolerance does not depend on their number
    for (let j = 0; j <= width; j++) gradient[j] /= train.rows;
    return value / train.rows;
  };
  const fitted = lbfgs(objective, new Float64Array(width + 1), { tolerance: 1e-7 });
  return part => linearProbabilities(fitted, part, width);
}

/** Layers of the predictor: [rows, width] -> logits [rows, 2]. */
const predictorSpecs = (width, hidden) =>
  hidden > 0
    ? { "model.first": linearSpec(width, hidden, 0.1, true), "model.out": linearSpec(hidden, 2, 0.1, true) }
    : { "model.out": linearSpec(width, 2, 0.01, true) };
const logitsOf = (p, x) => linear(p["model.out"], p["model.first"] ? relu(linear(p["model.first"], x)) : x);

/** The same in plain numbers, of what a trainer gives back. */
async function predict(parameters, { x, rows }, width) {
  const read = async ({ weight, bias }) => ({ weight: await weight.read(), bias: await bias.read() });
  const apply = ({ weight, bias }, input) =>
    Float64Array.from(bias, (b, o) => input.reduce((s, v, i) => s + v * weight[i * bias.length + o], b));
  const [first, out] = [parameters["model.first"] && (await read(parameters["model.first"])), await read(parameters["model.out"])];
  return Float64Array.from({ length: rows }, (_, i) => {
    const own = x.subarray(i * width, (i + 1) * width);
    const logits = apply(out, first ? apply(first, own).map(v => Math.max(0, v)) : own);
    return sigmoid(logits[1] - logits[0]);
  });
}

/**
 * A predictor trained against an adversary that predicts `groups` (indices, one a training row). `weight` 0 trains without one. Gives probabilities of the test
 * part, and the last mean losses of predictor and adversary.
 */
export async function debiased(
  { width, train, test },
  {
    groups,
    weight,
    method = "projection",
    goal = "equalisedOdds",
    seed = 1,
    epochs = 20,
    batch = 512,
    hidden = 0,
    rate = 0.002,
    rateFactor = 5,
  },
) {
  const device = openDevice("cpu", { threads: 1 });
  const adversary = { classes: 2, groups: [Math.max(...groups) + 1], goal };
  const isDebiased = weight > 0;
  const specs = { ...predictorSpecs(width, hidden), ...(isDebiased ? adversarySpecs(adversary) : {}) };
  const stepsOfEpoch = Math.floor(train.rows / batch);
  const steps = epochs * stepsOfEpoch;
  const trainer = await createTrainer({
    device,
    specs,
    seed,
    loss(p, { x, targets, own, weights }, scale) {
      const logits = logitsOf(p, x);
      const loss = mul(sum(negativeLogLikelihood(logits, targets)), scale);
      if (!isDebiased) return loss;
      const seen = method === "reversal" ? reversed(logits, weight) : logits;
      const against = adversaryLoss(adversary, p, { logits: seen, targets, groups: [own], weights });
      const measures = { adversaryLoss: against };
      if (method === "reversal") return { loss: add(loss, gradientOnly(mul(against, scale))), measures };
      return { loss, measures, adversary: mul(against, scale) };
    },
    batch: {
      x: { shape: [batch, width], dtype: "f32" },
      targets: { shape: [batch], dtype: "i32", below: 2 },
      own: { shape: [batch], dtype: "i32", below: adversary.groups[0] },
      weights: { shape: [batch], dtype: "f32" },
    },
    ...(isDebiased && method === "projection" ? { adversarial: { weight, isAdversary: isOfAdversary } } : {}),
    optimizer: grouped(
      [{ parameters: ["adversary.*"], optimizer: single(adamw({ weightDecay: 0, rateFactor })) }],
      single(adamw({ beta2: 0.999, weightDecay: 0.001 })),
    ),
    rate,
    steps,
    schedule: { kind: "linear", warmup: 20, floor: 0, decayShare: 0.5 },
  });
  const draw = random(`adult ${seed}`);
  let order = new Uint32Array();
  const last = { loss: 0, adversaryLoss: 0 };
  for (let step = 0; step < steps; step++) {
    const at = step % stepsOfEpoch;
    if (at === 0) order = draw.permutation(train.rows);
    const rows = order.slice(at * batch, (at + 1) * batch);
    const report = await trainer.step([
      {
        arrays: {
          x: Float32Array.from({ length: batch * width }, (_, i) => train.x[rows[Math.floor(i / width)] * width + (i % width)]),
          targets: Int32Array.from(rows, i => train.y[i]),
          own: Int32Array.from(rows, i => groups[i]),
          weights: new Float32Array(batch).fill(1),
        },
        weight: batch,
      },
    ]);
    if (step >= steps - stepsOfEpoch) {
      last.loss += report.loss / stepsOfEpoch;
      last.adversaryLoss += (report.measures.adversaryLoss ?? Number.NaN) / stepsOfEpoch;
    }
  }
  const parameters = trainer.finish();
  const probabilities = await predict(parameters, test, width);
  device.dispose();
  return { probabilities, ...last };
}
