/** Where an axis has its lines: round numbers, few enough to read, and how they are written. */
import { formatShort } from "../format.ts";

/** In the few characters that an axis has room for, whose beginning would be cut: 12k, 0.05, 2e-5. */
export function tickText(v: number): string {
  const x = Number(v.toPrecision(3));
  return Math.abs(x) >= 1000 ? formatShort(x) : x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential() : `${x}`;
}

/** A step of 1, 2 or 5 times a power of ten, the smallest that cuts `span` into at most `most` pieces. */
function roundStep(span: number, most: number): number {
  const power = 10 ** Math.floor(Math.log10(span / most));
  return [1, 2, 5, 10].map(m => m * power).find(step => span / step <= most) ?? 10 * power;
}

/** Round values within [min, max], evenly apart. */
export function linearTicks(min: number, max: number, most: number): number[] {
  if (!(max > min)) return [min];
  const step = roundStep(max - min, most);
  const first = Math.ceil(min / step - 1e-9);
  const count = Math.floor(max / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Round values of a logarithmic axis: 1, 2, 5, 10 ... over decades; evenly apart where there is not even one decade. */
export function logTicks(min: number, max: number, most: number): number[] {
  if (!(min > 0)) return [];
  if (max / min < 10) return linearTicks(min, max, most);
  const [low, high] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  const powers = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const within = (multiples: readonly number[]) =>
    powers.flatMap(p => multiples.map(m => Number(`${m}e${p}`))).filter(v => v >= min && v <= max);
  const fine = within([1, 2, 5]);
  return fine.length <= most ? fine : within([1]);
}
