/**
 * Which model an adapter was made for. Its numbers fit any model of the same sizes, and over another one it changes what it was never trained on; so
 * an adapter made here carries the digest of its base's weights in its file. PEFT writes a name at most, which proves nothing either way.
 */
import { hashOf } from "../../base/index.ts";
import { nnErrors } from "../errors.ts";

export interface AdapterBase {
  /** PEFT's `base_model_name_or_path`; an artifact's id where the adapter was made here. */
  readonly name?: string | undefined;
  /** `weightsDigest` of the files that it was trained over. */
  readonly weights?: string | undefined;
}

/** The metadata of an adapter's file that holds its base's digest; PEFT reads past it. */
export const baseKey = "base_weights_sha256";

const isWeights = (name: string): boolean => /^(model|weights)[\w.-]*\.safetensors$/.test(name) || /^[^/]+\.gguf$/i.test(name);

/** What names a model's weights, whatever lies beside them: SHA-256 of its one file, or over the digests of several. Undefined where no file holds weights. */
export function weightsDigest(files: readonly { readonly name: string; readonly digest: string }[]): string | undefined {
  const found = files.filter(f => isWeights(f.name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return found.length > 1 ? hashOf(found.map(f => f.digest)) : found[0]?.digest;
}

/** Refuses an adapter whose base has other weights than `model`. Errors: nn/adapter with both digests. */
export function checkBase({ name, weights }: AdapterBase, model: string, place: string): void {
  if (weights === undefined || weights === model) return;
  throw nnErrors.fail("adapter", {
    place,
    expected: `the model that it was made for, weights ${weights.slice(0, 16)}${name === undefined ? "" : ` of ${name}`}`,
    received: `one of weights ${model.slice(0, 16)}`,
    hint: `Serve that one${name === undefined ? "" : ` (loam trace ${name} tells which version it is)`}, or tune the adapter again over this one. Where this is the same model in another form (another format, quantised), say --adapter-any-base.`,
  });
}

const lettersOf = (name: string): string =>
  name
    .split(/[/\\]/)
    .at(-1)!
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, "");

/** Whether a base's name is one of the model's, or begins like it: `HuggingFaceTB/SmolLM2-135M-Instruct` and `smollm2`. */
export function isBaseNamed(base: string, names: readonly string[]): boolean {
  const own = lettersOf(base);
  return names.some(name => {
    const other = lettersOf(name.split("@")[0]!);
    return other !== "" && (own.startsWith(other) || other.startsWith(own));
  });
}
