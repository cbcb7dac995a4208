/** Walks over row-major memory: the offsets at which the elements of a shape lie under given strides. */
import { sizeOf } from "./dtype.ts";
import { type Shape, stridesOf } from "./shape.ts";

/** Offsets of all positions of a shape under given strides, in row-major order. */
export function offsets(shape: Shape, strides: readonly number[]): Int32Array {
  const n = sizeOf(shape);
  const out = new Int32Array(n);
  const at = new Array<number>(shape.length).fill(0);
  let offset = 0;
  for (let i = 0; i < n; i++) {
    out[i] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}

/** Offsets into an input of shape `from` for every position of `to`, size-1 axes stretched. */
export function broadcastOffsets(from: Shape, to: Shape): Int32Array {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return offsets(
    to,
    to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : strides[i - lead]!)),
  );
}

/** The lines along some axes: the offset at which each line starts, and the offsets inside a line. */
export function lines(shape: Shape, axes: readonly number[]): { starts: Int32Array; inside: Int32Array } {
  const strides = stridesOf(shape);
  const kept = shape.map((_, i) => i).filter(i => !axes.includes(i));
  const part = (which: readonly number[]) =>
    offsets(
      which.map(a => shape[a]!),
      which.map(a => strides[a]!),
    );
  return { starts: part(kept), inside: part(axes) };
}
