/** Logistic regression by Newton's steps: the weights of the language step's chance to be right, and how well a chance keeps its word. */

export interface Example {
  readonly features: readonly number[];
  readonly isRight: boolean;
}

const chance = (features: readonly number[], weights: readonly number[]): number =>
  1 / (1 + Math.exp(-features.reduce((s, f, i) => s + f * weights[i]!, 0)));

/** Solves `matrix x = vector` by elimination with pivots; both are used up. */
function solve(matrix: number[][], vector: number[]): number[] {
  const n = vector.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let r = i; r < n; r++) if (Math.abs(matrix[r]![i]!) > Math.abs(matrix[pivot]![i]!)) pivot = r;
    [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
    [vector[i], vector[pivot]] = [vector[pivot]!, vector[i]!];
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const factor = matrix[r]![i]! / matrix[i]![i]!;
      for (let c = i; c < n; c++) matrix[r]![c]! -= factor * matrix[i]![c]!;
      vector[r]! -= factor * vector[i]!;
    }
  }
  return vector.map((v, i) => v / matrix[i]![i]!);
}

export function fitLogistic(examples: readonly Example[], steps = 30): number[] {
  const n = examples[0]!.features.length;
  let weights = Array<number>(n).fill(0);
  for (let step = 0; step < steps; step++) {
    const gradient = Array<number>(n).fill(0);
    const curvature = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1e-6 : 0)));
    for (const { features, isRight } of examples) {
      const p = chance(features, weights);
      for (let a = 0; a < n; a++) {
        gradient[a]! += (Number(isRight) - p) * features[a]!;
        for (let b = 0; b < n; b++) curvature[a]![b]! += p * (1 - p) * features[a]! * features[b]!;
      }
    }
    const move = solve(curvature, gradient);
    weights = weights.map((w, i) => w + move[i]!);
  }
  return weights;
}

/** Expected calibration error over ten bins: mean distance of the chance from how often it was right. */
export function calibrationError(examples: readonly Example[], weights: readonly number[]): number {
  const bins = Array.from({ length: 10 }, () => ({ chance: 0, right: 0 }));
  for (const { features, isRight } of examples) {
    const p = chance(features, weights);
    const bin = bins[Math.min(9, Math.floor(p * 10))]!;
    bin.chance += p;
    bin.right += Number(isRight);
  }
  return bins.reduce((sum, b) => sum + Math.abs(b.chance - b.right), 0) / examples.length;
}
