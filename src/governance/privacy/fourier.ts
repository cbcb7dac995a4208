/** The discrete Fourier transform of complex numbers in place, of lengths that are powers of two (Cooley & Tukey 1965). */

/** `inverse` divides by the length, so that it undoes the other. */
export function fourier(real: Float64Array, imaginary: Float64Array, inverse = false): void {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    const [re, im] = [real[i]!, imaginary[i]!];
    real[i] = real[j]!;
    imaginary[i] = imaginary[j]!;
    real[j] = re;
    imaginary[j] = im;
  }
  for (let size = 2; size <= n; size *= 2) combine(real, imaginary, size, inverse ? 1 : -1);
  if (!inverse) return;
  for (let i = 0; i < n; i++) {
    real[i]! /= n;
    imaginary[i]! /= n;
  }
}

/** Transforms of half a size put together: roots are computed, not multiplied up, so errors do not grow along a block. */
function combine(real: Float64Array, imaginary: Float64Array, size: number, sign: number): void {
  const half = size / 2;
  for (let k = 0; k < half; k++) {
    const angle = (sign * 2 * Math.PI * k) / size;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (let a = k; a < real.length; a += size) {
      const b = a + half;
      const re = real[b]! * cos - imaginary[b]! * sin;
      const im = real[b]! * sin + imaginary[b]! * cos;
      real[b] = real[a]! - re;
      imaginary[b] = imaginary[a]! - im;
      real[a]! += re;
      imaginary[a]! += im;
    }
  }
}
