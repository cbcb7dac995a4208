/** How much a place promises to be below the best: the logarithm of the expected improvement (Jones 1998), exact far out (Ament et al. 2023). */
import type { Prediction, PredictionSlope } from "./gaussian-process.ts";

const logRoot2Pi = 0.5 * Math.log(2 * Math.PI);

/** Mills' ratio P(Z > x) / density(x) for x >= 1, by its continued fraction from behind. */
function mills(x: number): number {
  let tail = x;
  for (let k = Math.ceil(20 + 200 / (x * x)); k >= 1; k--) tail = x + k / tail;
  return 1 / tail;
}

/** P(Z > x) / density(x) for 0 <= x < 1 by its series: sqrt(pi / 2) exp(x^2 / 2) - sum x^(2k+1) / (2k+1)!!. */
function millsNear(x: number): number {
  let [sum, term] = [0, x];
  for (let k = 1; k < 40; k++) {
    sum += term;
    term *= (x * x) / (2 * k + 1);
  }
  return Math.sqrt(Math.PI / 2) * Math.exp((x * x) / 2) - sum;
}

/** log(density(z) + z P(Z <= z)), and its slope P(Z <= z) / that sum. */
export function logImprovement(z: number): { readonly value: number; readonly slope: number } {
  const logDensity = -0.5 * z * z - logRoot2Pi;
  if (z < -1000) return { value: logDensity - 2 * Math.log(-z), slope: -z };
  if (z < 0) {
    const ratio = z <= -1 ? mills(-z) : millsNear(-z);
    const rest = 1 + z * ratio;
    return { value: logDensity + Math.log(rest), slope: ratio / rest };
  }
  const density = Math.exp(logDensity);
  const below = 1 - density * (z >= 1 ? mills(z) : millsNear(z));
  const sum = density + z * below;
  return { value: Math.log(sum), slope: below / sum };
}

export const logExpectedImprovement = ({ mean, deviation }: Prediction, best: number): number =>
  Math.log(deviation) + logImprovement((best - mean) / deviation).value;

/** With its slope by the place. */
export function improvementWithSlope(
  { mean, deviation, meanSlope, deviationSlope }: PredictionSlope,
  best: number,
): { value: number; gradient: Float64Array } {
  const z = (best - mean) / deviation;
  const { value, slope } = logImprovement(z);
  const gradient = meanSlope.map((m, c) => deviationSlope[c]! / deviation - (slope * (m + z * deviationSlope[c]!)) / deviation);
  return { value: Math.log(deviation) + value, gradient };
}
