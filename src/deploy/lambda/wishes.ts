/** What a function of AWS Lambda is asked to be. */
import type { PlanArchive } from "../targets.ts";
import type { LambdaPackage } from "./limits.ts";

export interface LambdaWishes {
  readonly package: LambdaPackage;
  readonly architecture: "x86_64" | "arm64";
  readonly mode: "stream" | "buffered";
  readonly auth: "AWS_IAM" | "NONE";
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Of /tmp. */
  readonly storageMb: number;
  /** Reserved; null: the account's. */
  readonly concurrency: number | null;
  /** How the weights are stored: as the version has them, or anew. */
  readonly weightsForm: string;
  /** How they are served: `loam serve --quantize`. */
  readonly form: string;
  /** What the model needs, as computed. */
  readonly neededMb: number;
  /** Of all files, unpacked. */
  readonly unpackedBytes: number;
  /** SHA-256 of what responses are guarded with; null: nothing. */
  readonly guards: string | null;
  readonly archive: PlanArchive | null;
  /** In a registry, by its digest. */
  readonly image: string | null;
  /** Of an image: arguments after its entry point. */
  readonly command: readonly string[];
}
