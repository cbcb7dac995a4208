/** What an endpoint of Amazon SageMaker is asked to be, and the memory that serverless ones have. */
import { deployErrors } from "../errors.ts";
import type { PlanArchive } from "../targets.ts";

/** Limits of SageMaker (quotas page, November 2026). */
export const sageMakerLimits = {
  /** Of a serverless endpoint's image, uncompressed. */
  serverlessImageBytes: 10e9,
  serverlessMemoryMb: [1024, 2048, 3072, 4096, 5120, 6144],
  serverlessConcurrency: 200,
  variants: 10,
  /** Of a request and of a response in real time. */
  payloadBytes: 25e6,
  serverlessPayloadBytes: 4e6,
} as const;

export interface SageMakerVariant {
  readonly name: string;
  /** Where its model.tar.gz lies: s3://... ; null: the one of this deployment. */
  readonly data: string | null;
  /** Its image; null: the same. */
  readonly image: string | null;
  readonly weight: number;
}

export interface SageMakerWishes {
  readonly archive: PlanArchive | null;
  readonly form: string;
  readonly neededMb: number;
  readonly slots: number;
  readonly context: number;
  readonly kind: "real-time" | "serverless" | "async";
  /** Of real-time and asynchronous endpoints. */
  readonly instance: string;
  readonly instances: readonly [least: number, most: number];
  /** Of serverless ones; null: the least that the model fits. */
  readonly memoryMb: number | null;
  readonly concurrency: number;
  /** Of this deployment's variant, among others. */
  readonly weight: number;
  readonly others: readonly SageMakerVariant[];
  /** Gets a copy of each request, and its responses go nowhere. */
  readonly shadow: SageMakerVariant | null;
}

/** An error of an option. */
export const sageMakerWish = (place: string, expected: string, received: string, hint?: string) =>
  deployErrors.fail("wish", { place: `loam deploy sagemaker: ${place}`, expected, received, ...(hint === undefined ? {} : { hint }) });

/** The least memory of a serverless endpoint that the model fits. Errors: deploy/tooLarge, deploy/wish. */
export function serverlessMemory({ memoryMb, neededMb, form }: SageMakerWishes): number {
  const { serverlessMemoryMb: sizes } = sageMakerLimits;
  const fits = sizes.find(mb => mb >= neededMb);
  if (fits === undefined)
    throw deployErrors.fail("tooLarge", {
      place: "loam deploy sagemaker: --kind serverless",
      expected: `a model that needs at most ${sizes.at(-1)} MB`,
      received: `${neededMb} MB, served as ${form}`,
      hint: "Lower --context, or use --kind real-time.",
    });
  if (memoryMb === null) return fits;
  if (!sizes.some(mb => mb === memoryMb)) throw sageMakerWish("--memory", `one of ${sizes.join(", ")}`, String(memoryMb));
  if (memoryMb < neededMb) throw sageMakerWish("--memory", `at least ${fits}, for a model that needs ${neededMb} MB`, String(memoryMb));
  return memoryMb;
}
