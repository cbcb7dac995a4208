/** The memory of a training step: what its arrays take anyway, and what is left for activations. */
import { formatBytes, isLoamError, type Tree, treeLeaves } from "../base/index.ts";
import { bytesOf, type DeviceArray } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";

/** Bytes of the arrays that a trainer holds, by what they are. */
export type HeldBytes = Readonly<Record<"parameters" | "gradients" | "optimizer" | "frozen" | "batches", number>>;

export const arrayBytes = (tree: unknown): number =>
  treeLeaves<DeviceArray>(tree as Tree<DeviceArray>).reduce((sum, a) => sum + bytesOf(a.shape, a.dtype), 0);

const totalBytes = (held: HeldBytes): number => Object.values(held).reduce((sum, n) => sum + n, 0);

/** "parameters 1.2 MB, gradients 1.2 MB" */
const namesOf = (held: HeldBytes): string =>
  Object.entries(held)
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
    .join(", ");

const tooSmall = (memoryBytes: number, held: HeldBytes, leastBytes: number | undefined, cause?: unknown) =>
  trainErrors.fail(
    "memory",
    {
      place: "memory",
      expected:
        leastBytes === undefined
          ? `more than ${formatBytes(totalBytes(held))} (${namesOf(held)})`
          : `at least ${formatBytes(totalBytes(held) + leastBytes)} (${namesOf(held)}, activations ${formatBytes(leastBytes)})`,
      received: formatBytes(memoryBytes),
      hint: "Raise memory, or lower rows or length. device.memoryLimitBytes is another limit: it fails a run that needs more and recomputes nothing.",
    },
    cause,
  );

/** What is left for activations. Errors: train/memory. */
export function activationBytes(memoryBytes: number, held: HeldBytes): number {
  const left = memoryBytes - totalBytes(held);
  if (left <= 0) throw tooSmall(memoryBytes, held, undefined);
  return left;
}

/** Builds what may not fit, and says of activations that do not what the whole step needs. Errors: train/memory. */
export async function withinMemory<R>(memoryBytes: number, held: HeldBytes, build: () => Promise<R>): Promise<R> {
  try {
    return await build();
  } catch (error) {
    const { leastBytes } = (isLoamError(error) && error.code === "tensor/memory" ? error.details : {}) as { leastBytes?: number };
    throw leastBytes === undefined ? error : tooSmall(memoryBytes, held, leastBytes, error);
  }
}
