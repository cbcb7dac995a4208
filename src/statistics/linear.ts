/** Systems of equations whose matrix is symmetric and positive, small enough for one array. */

/** Lower factor L of a symmetric positive matrix [n, n], row by row; undefined where it is not positive. */
export function cholesky(a: Float64Array, n: number): Float64Array | undefined {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i !== j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > 0) l[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  return l;
}

/** x of L x = b; with `transposed` of L' x = b. */
export function solveTriangular(l: Float64Array, b: Float64Array, transposed = false): Float64Array {
  const n = b.length;
  const x = Float64Array.from(b);
  if (transposed)
    for (let i = n - 1; i >= 0; i--) {
      x[i] = x[i]! / l[i * n + i]!;
      for (let k = 0; k < i; k++) x[k] = x[k]! - l[i * n + k]! * x[i]!;
    }
  else
    for (let i = 0; i < n; i++) {
      let sum = x[i]!;
      for (let k = 0; k < i; k++) sum -= l[i * n + k]! * x[k]!;
      x[i] = sum / l[i * n + i]!;
    }
  return x;
}
