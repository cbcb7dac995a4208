/** The functions that the distributions of statistics are made of. Relative errors stay below 1e-12 for arguments up to a thousand, 1e-8 up to a million. */

/** log Gamma(x), x > 0: Lanczos' series, g = 7, nine terms. */
export function logGamma(x: number): number {
  const c = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  const t = z + 7.5;
  const sum = c.slice(1).reduce((s, v, i) => s + v / (z + i + 1), c[0]!);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

const tiny = 1e-300;
const awayFromZero = (v: number): number => (Math.abs(v) < tiny ? tiny : v);
/** More than the continued fractions below need for arguments of 1e8: they take about the square root of the larger one. */
const mostTerms = 100_000;

/** Regularised incomplete beta function I_x(a, b), a and b > 0, by its continued fraction (Lentz's method). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  let [c, d] = [1, 1 / awayFromZero(1 - ((a + b) * x) / (a + 1))];
  let f = d;
  for (let m = 1; m <= mostTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    f *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    f *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * f;
}

/** Regularised upper incomplete gamma function Q(a, x), a > 0, x >= 0: its series below a + 1, its continued fraction above. */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let n = 1; n <= mostTerms && term > sum * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - front * sum;
  }
  let b = x + 1 - a;
  let [c, d] = [1 / tiny, 1 / awayFromZero(b)];
  let f = d;
  for (let n = 1; n <= mostTerms; n++) {
    const step = -n * (n - a);
    b += 2;
    d = 1 / awayFromZero(step * d + b);
    c = awayFromZero(b + step / c);
    f *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * f;
}

/** The x in [low, high] at which a rising function reaches `target`, by halving until no double lies between. */
export function inverse(rising: (x: number) => number, target: number, low: number, high: number): number {
  for (let [a, b] = [low, high]; ; ) {
    const middle = a + (b - a) / 2;
    if (middle <= a || middle >= b) return b;
    if (rising(middle) < target) a = middle;
    else b = middle;
  }
}
