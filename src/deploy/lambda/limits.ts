/** The limits of AWS Lambda (quotas page, November 2026), and whether a version fits them, before anything is built. */
import { formatBytes } from "../../base/index.ts";
import { deployErrors } from "../errors.ts";

const MiB = 1 << 20;

export const lambdaLimits = {
  /** Of a function with its layers, unzipped. */
  unzippedBytes: 250 * MiB,
  /** Of a zip archive that is uploaded with the call; larger ones go through S3. */
  directUploadBytes: 50 * MiB,
  /** Of an image, uncompressed, all layers. */
  imageBytes: 10 * 1024 * MiB,
  leastMemoryMb: 128,
  mostMemoryMb: 10_240,
  mostTimeoutSeconds: 900,
  leastStorageMb: 512,
  mostStorageMb: 10_240,
  /** Of a request, and of a response that is not streamed. */
  bufferedBytes: 6 * MiB,
  /** Of a streamed response. */
  streamedBytes: 200 * MiB,
  initSeconds: 10,
} as const;

export type LambdaPackage = "zip" | "image";

/** A form of the weights, and how large they are in it. */
export interface WeightsSize {
  /** As `--weights-form` names it. */
  readonly form: string;
  readonly sizeBytes: number;
}

interface Sizes {
  /** Loam, its packages and the start script; of an image Node and its libraries too. */
  readonly programBytes: number;
  readonly weights: WeightsSize;
  /** What the weights would be in other forms. */
  readonly others: readonly WeightsSize[];
}

const most = { zip: lambdaLimits.unzippedBytes, image: lambdaLimits.imageBytes } as const;

/** Beside the image's own program, Node and its libraries. */
const baseBytes = 110_000_000;

/** What would fit, as a sentence with numbers. */
function remedy(kind: LambdaPackage, { programBytes, others }: Sizes, weightsBytes: number): string {
  const fits = others.filter(o => o.sizeBytes + programBytes <= most[kind]);
  const forms = fits.map(o => `--weights-form ${o.form} (${formatBytes(o.sizeBytes)} of weights)`);
  if (kind === "zip" && weightsBytes + programBytes + baseBytes <= lambdaLimits.imageBytes)
    forms.push(`--package image (${formatBytes(lambdaLimits.imageBytes)})`);
  if (forms.length > 0) return `What fits: ${forms.join(", or ")}.`;
  return `No form of these weights fits. Deploy it to a target without this limit: loam deploy kubernetes, sagemaker or cloud-run.`;
}

/** Errors: deploy/tooLarge with the numbers and what would fit. */
export function checkLambdaSize(kind: LambdaPackage, sizes: Sizes): void {
  const { programBytes, weights } = sizes;
  const total = programBytes + weights.sizeBytes;
  if (total <= most[kind]) return;
  throw deployErrors.fail("tooLarge", {
    place: `loam deploy lambda: --package ${kind}`,
    expected: `at most ${formatBytes(most[kind])} unpacked`,
    received: `${formatBytes(total)}: ${formatBytes(programBytes)} of program and ${formatBytes(weights.sizeBytes)} of weights (${weights.form})`,
    hint: remedy(kind, sizes, weights.sizeBytes),
  });
}

/** Errors: deploy/wish where a number is outside of what Lambda takes. */
export function checkLambdaRange(flag: string, value: number, least: number, greatest: number, unit: string): void {
  if (Number.isInteger(value) && value >= least && value <= greatest) return;
  throw deployErrors.fail("wish", {
    place: `loam deploy lambda: ${flag}`,
    expected: `a whole number of ${unit} from ${least} to ${greatest}`,
    received: String(value),
  });
}
