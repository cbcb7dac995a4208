/** `project.models`: versions brought in, shown, compared, checked, and written for other programs. */
import type { VersionDiff } from "../../registry/index.ts";
import { type Call, type CallOptions, callOf } from "../call.ts";
import type { Workplace } from "../workspace.ts";
import type { ExportedVersion, ExportVersionOptions } from "./export-version.ts";
import type { ImportedVersion, ImportOptions } from "./import-version.ts";
import type { ListedModels } from "./list-models.ts";
import type { MeasuredForms, QuantizeOptions } from "./measure-quantized.ts";
import type {
  PackedFile,
  PackOptions,
  PullOptions,
  PushedVersion,
  PushOptions,
  UnpackedVersion,
  UnpackOptions,
} from "./package-version.ts";
import type { ShownVersion } from "./show-version.ts";
import type { VerifiedVersion, VerifyVersionOptions } from "./verify-version.ts";

// the code of a call is loaded when it is made
const packages = () => import("./package-version.ts");

/** A version is `NAME`, `NAME@3`, `NAME@latest` or `NAME@prod`. Relative paths start in the project's folder. */
export class ModelCalls {
  readonly #at: Workplace;

  constructor(at: Workplace) {
    this.#at = at;
  }

  /** Every version of the project's record and of the record at home, with scores and aliases. */
  async list(): Promise<ListedModels> {
    return (await import("./list-models.ts")).listedModels(this.#at);
  }

  /** A version's card: data, training, evaluation with intervals, lineage; and every move of the model's aliases. Errors: project/argument, store/notFound. */
  async show(version: string): Promise<ShownVersion> {
    return (await import("./show-version.ts")).showVersion(this.#at, version);
  }

  /** What changed: files, recipe, lineage, figures with paired intervals. Errors: project/argument, store/notFound. */
  async diff(before: string, after: string): Promise<VersionDiff> {
    return (await import("./show-version.ts")).compareVersions(this.#at, before, after);
  }

  /**
   * A GGUF file, a Hugging Face folder or `hf:OWNER/NAME` becomes a version.
   * Errors: project/argument for the name; project/model, project/download; base/missingFile.
   */
  import(source: string, options: ImportOptions & CallOptions = {}): Call<ImportedVersion> {
    return callOf(async watch => (await import("./import-version.ts")).importVersion(this.#at, source, options, watch), options);
  }

  /** A version as files for other programs. Errors: project/exists, project/model, project/argument, store/notFound. */
  export(version: string, options: ExportVersionOptions & CallOptions): Call<ExportedVersion> {
    return callOf(async watch => (await import("./export-version.ts")).exportVersion(this.#at, version, options, watch), options);
  }

  /** A version as one file, an OCI image layout in a tar. Errors: project/exists, registry/tampered, store/notFound. */
  pack(version: string, options: PackOptions & CallOptions): Call<PackedFile> {
    return callOf(async watch => (await packages()).packVersion(this.#at, version, options, watch), options);
  }

  /** The next version under a name, from such a file. Errors: project/argument, registry/package, registry/signature, base/missingFile. */
  unpack(file: string, options: UnpackOptions & CallOptions = {}): Call<UnpackedVersion> {
    return callOf(async watch => (await packages()).unpackVersion(this.#at, file, options, watch), options);
  }

  /** A version into a registry of containers: `HOST/REPOSITORY:TAG`. Errors: registry/reference, registry/remote, registry/tampered, store/notFound. */
  push(version: string, reference: string, options: PushOptions & CallOptions = {}): Call<PushedVersion> {
    return callOf(async watch => (await packages()).pushVersion(this.#at, version, reference, options, watch), options);
  }

  /** The next version under a name, from a registry of containers. Errors: those of `unpack`; registry/reference, registry/remote. */
  pull(reference: string, options: PullOptions & CallOptions = {}): Call<UnpackedVersion> {
    return callOf(async watch => (await packages()).pullVersion(this.#at, reference, options, watch), options);
  }

  /** What a model would lose and gain in each quantised form, one `quantized` event each. Changes nothing. Errors: project/argument, store/notFound. */
  quantize(model: string, options: QuantizeOptions & CallOptions = {}): Call<MeasuredForms> {
    return callOf(async watch => (await import("./measure-quantized.ts")).measureQuantized(this.#at, model, options, watch), options);
  }

  /**
   * Every byte of a version and of its lineage against the record, with its signatures; with `rebuild` every stage is run again, one `rebuilt` event each,
   * and `rebuilt` says whether all gave the recorded content.
   * Errors: project/damaged, project/rebuild, registry/tampered, registry/signature, store/blobDamaged, store/blobMissing, store/notFound.
   */
  verify(version: string, options: VerifyVersionOptions & CallOptions = {}): Call<VerifiedVersion> {
    return callOf(async watch => (await import("./verify-version.ts")).verifyVersion(this.#at, version, options, watch), options);
  }
}
