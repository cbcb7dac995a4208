/** What trainings beside the record need of a model of loam.yaml: its recipe, its tokens, made or found, and the device. */
import { countParameters, type DecoderConfig, decoderSpec } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import {
  decoderConfigOf,
  endOf,
  type ModelPart,
  type PretrainRecipe,
  readShards,
  readTokenizer,
  recipeSchema,
  type TokenShards,
} from "../../train/index.ts";
import type { Watch } from "../call.ts";
import { projectErrors } from "../errors.ts";
import { lazyDevice, lifeOf } from "../life.ts";
import { modelNameOf } from "../project-file.ts";
import { runLinks } from "../run-links.ts";
import type { Workspace } from "../workspace.ts";

export interface TrainingMaterial {
  readonly name: string;
  readonly architecture: ModelPart;
  readonly recipe: PretrainRecipe;
  readonly model: DecoderConfig;
  readonly parameters: number;
  readonly train: TokenShards;
  readonly heldOut: TokenShards;
  /** The end-of-document token. */
  readonly end: number;
  /** Content of the tokens, for identities. */
  readonly digest: string;
  readonly device: Device;
}

/** The configuration of a size for the vocabulary of the material. */
export const configOf = (architecture: ModelPart, vocab: number): { model: DecoderConfig; parameters: number } => {
  const model = decoderConfigOf(architecture, vocab);
  return { model, parameters: countParameters(decoderSpec(model)) };
};

/** Makes what is stale up to the shards of a model. Errors: project/argument for a model that is not pre-trained; those of the stages. */
export async function trainingMaterial(at: Workspace, given: string | undefined, watch: Watch): Promise<TrainingMaterial> {
  const name = modelNameOf(at.file, given);
  if (!Object.hasOwn(at.file.config.models, name))
    throw projectErrors.fail("argument", {
      place: "model",
      expected: "a model that is trained from nothing (models: in loam.yaml)",
      received: `"${name}", which is tuned`,
      hint: "Name its base.",
    });
  const { train: part, evaluate: _, purpose: __, ...architecture } = at.file.config.models[name]!;
  const { on: ___, length, ...rest } = part;
  const recipe = recipeSchema.parse({ ...rest, length: length ?? architecture.context });
  const links = lifeOf(at.file, name, { onProblem: problem => watch.emit({ event: "warning", message: problem.message }) });
  const before = links.slice(
    0,
    links.findIndex(l => l.stage === "train"),
  );
  const { made } = await runLinks(await at.store(), before, {}, watch);
  const [tokens, text] = [made.get(links.find(l => l.stage === "shards")!.label)!, made.get("tokenizer")!];
  const tokenizer = await readTokenizer(text);
  return {
    name,
    architecture,
    recipe,
    ...configOf(architecture, tokenizer.vocabSize),
    train: await readShards(tokens, "train"),
    heldOut: await readShards(tokens, "held-out"),
    end: endOf(tokenizer, text.id),
    digest: tokens.digest,
    device: lazyDevice(at.file)(),
  };
}
