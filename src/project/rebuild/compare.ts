/** How far two trainings of one recipe are apart, where their bytes differ: by their weights, and by the losses that they logged. */
import { openSafetensors } from "../../nn/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { isFloat, toNumbers } from "../../tensor/index.ts";
import { metricsFile, readMetrics } from "../../train/index.ts";

/** Largest relative difference of the last logged loss that another instruction set or version may make. */
export const lossBound = 0.01;

export interface Distance {
  /** Greatest over all tensors of |a - b| / |a| (Euclidean); null where there are no weights of the same names and shapes. */
  readonly weights: number | null;
  /** Of the last held-out loss, else of the last loss: |a - b| / |a|; null where none was logged. */
  readonly loss: number | null;
}

export const distanceOf = async (recorded: ArtifactReader, rebuilt: ArtifactReader): Promise<Distance> => ({
  weights: await weightDistance(recorded, rebuilt),
  loss: lossDistance(await recorded.runData?.(metricsFile), await rebuilt.runData?.(metricsFile)),
});

async function weightDistance(recorded: ArtifactReader, rebuilt: ArtifactReader): Promise<number | null> {
  let greatest: number | null = null;
  for (const { name } of recorded.files.filter(f => f.name.endsWith(".safetensors"))) {
    if (!rebuilt.files.some(f => f.name === name)) return null;
    const a = await openSafetensors(await recorded.localPath(name));
    try {
      const b = await openSafetensors(await rebuilt.localPath(name));
      try {
        for (const [tensor, { dtype }] of a.tensors) {
          if (!dtype || !isFloat(dtype)) continue;
          if (b.tensors.get(tensor)?.dtype !== dtype) return null;
          const [x, y] = [toNumbers(await a.read(tensor), dtype), toNumbers(await b.read(tensor), dtype)];
          if (x.length !== y.length) return null;
          greatest = Math.max(greatest ?? 0, relative(x, y));
        }
      } finally {
        await b.close();
      }
    } finally {
      await a.close();
    }
  }
  return greatest;
}

function relative(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    difference += (x[i]! - y[i]!) ** 2;
    size += x[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / Math.max(size, Number.MIN_VALUE));
}

function lossDistance(recorded: string | undefined, rebuilt: string | undefined): number | null {
  const lastOf = (text: string | undefined): number | undefined => {
    const points = readMetrics(text ?? "");
    return points.findLast(p => p.heldOut !== undefined)?.heldOut ?? points.at(-1)?.loss;
  };
  const [a, b] = [lastOf(recorded), lastOf(rebuilt)];
  return a === undefined || b === undefined ? null : Math.abs(a - b) / Math.max(Math.abs(a), Number.MIN_VALUE);
}
