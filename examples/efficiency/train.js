// One training run of an arm: what it cost, and bits per byte of the held-out texts along the way.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeTree, openDevice, openProject } from "loam";
import { modelBits } from "loam/evaluate";
import { openArtifact } from "loam/store";
import { decoderConfigOf, endOf, modelPart, pretrain, readShards, readTokenizer, recipeSchema, stepsOf, tokensPerStep } from "loam/train";
import { coreSeconds } from "./cost.js";
import { heldOutTexts } from "./mails.js";

/** Steps before the time of a step is taken: the first ones make the programs. */
const warmSteps = 3;

async function readData(folder, { shards, tokenizer }) {
  const project = await openProject(folder);
  try {
    const store = await project.store();
    const cut = await readTokenizer(await openArtifact(store, tokenizer));
    return { tokenizer: cut, train: await readShards(await openArtifact(store, shards), "train"), end: endOf(cut, tokenizer) };
  } finally {
    await project.close();
  }
}

/**
 * Trains, and evaluates where the recipe says. Core-seconds count the making of programs, the packing of batches and all steps; reading the texts and
 * evaluations are left out, as for every arm. A run that diverges has its cost and no points after that.
 */
export async function train({ folder, data, model, recipe: given }) {
  const { tokenizer, train: shards, end } = await readData(folder, data);
  const texts = heldOutTexts(folder);
  const documents = texts.map(t => tokenizer.encode(t, { addSpecialTokens: false, readSpecialTokens: false }));
  const bytes = texts.map(t => Buffer.byteLength(t));
  const total = bytes.reduce((a, b) => a + b, 0);
  const config = decoderConfigOf(modelPart.parse(model), tokenizer.vocabSize);
  const recipe = recipeSchema.parse(given);
  const [steps, perStep] = [stepsOf(recipe), tokensPerStep(recipe)];
  const device = openDevice("cpu", { threads: 1 });
  const scratch = mkdtempSync(join(tmpdir(), "loam-efficiency-"));

  const points = [];
  let evaluating = 0;
  let warm;
  const began = coreSeconds();
  const spent = () => coreSeconds() - began - evaluating;
  async function validate(parameters) {
    const [at, cost] = [coreSeconds(), spent()];
    const { bits, perDocument } = await modelBits({ device, config, parameters, documents, end });
    const step = Math.min(steps, (points.length + 1) * recipe.evaluateEvery);
    points.push({
      step,
      tokens: step * perStep,
      coreSeconds: cost,
      bitsPerByte: bits / total,
      bits: Array.from(perDocument, b => Math.round(b * 100) / 100),
    });
    evaluating += coreSeconds() - at;
    return (bits * Math.LN2) / total;
  }
  const result = { steps, tokensPerStep: perStep, points, bytes, diverged: false };
  try {
    const { parameters } = await pretrain({
      device,
      model: config,
      recipe,
      train: shards,
      heldOut: shards,
      end,
      identity: "efficiency".padEnd(64, "0"),
      folder: scratch,
      progress: ({ values }) => {
        if (values?.step === warmSteps) warm = spent();
      },
      validate,
    });
    disposeTree(parameters);
  } catch (error) {
    if (error.code !== "train/diverged") throw error;
    result.diverged = true;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const last = result.diverged ? spent() : points.at(-1).coreSeconds;
  const stepSeconds = warm === undefined || steps <= warmSteps || result.diverged ? null : (last - warm) / (steps - warmSteps);
  return { ...result, coreSeconds: last, stepSeconds, evaluationSeconds: evaluating };
}
