/** What a step does to a model, measured on small ones, with an interval. */

import { sha256 } from "../../base/index.ts";
import { type Effect, measureEffect, rememberedTrainer } from "../../data/index.ts";
import { workFolder } from "../../store/index.ts";
import { trainBpe } from "../../text/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { dataLinksOf } from "../data-links.ts";
import { projectErrors } from "../errors.ts";
import { ownPackage } from "../package.ts";
import { runLinks } from "../run-links.ts";
import { deviceOf } from "../serving/open-engine.ts";
import type { Workspace } from "../workspace.ts";
import { dataNameOf } from "./data-set.ts";
import { effectMaterial, effectSides } from "./effect.ts";
import { proxyTrainer, proxyVocab } from "./proxy-trainer.ts";

/** Text that the tokenizer learns from, bytes: more changes little at this vocabulary. */
const tokenizerBytes = 4e6;

function firstTexts(texts: readonly string[], most: number): string[] {
  const some: string[] = [];
  for (let i = 0, bytes = 0; i < texts.length && bytes < most; i++) {
    some.push(texts[i]!);
    bytes += Buffer.byteLength(texts[i]!);
  }
  return some;
}

export interface StepEffectOptions {
  /** One that the data set lacks is added at the end; one that it has is taken away for the other side. */
  readonly step: string;
  /** Options of a step that is added. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Insist that the data set has the step. */
  readonly mustBePresent?: boolean | undefined;
  /** Models a side; default 3. */
  readonly seeds?: number | undefined;
  /** Tokens each model is trained on; default 600,000. */
  readonly tokens?: number | undefined;
  /** Held-out documents that are asked about, at most; default 300. */
  readonly documents?: number | undefined;
}

export interface EffectPair<T> {
  readonly without: T;
  readonly with: T;
}

/** What will be measured. */
export interface StepEffectPlan {
  readonly name: string;
  readonly step: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** The data set has the step. */
  readonly isPresent: boolean;
  readonly artifacts: EffectPair<string>;
  readonly model: { readonly parameters: number; readonly steps: number; readonly tokens: number };
  readonly seeds: number;
  readonly epochs: EffectPair<number>;
  /** `strangers`: documents that only the side with the step has, left out. */
  readonly documents: EffectPair<number> & { readonly strangers: number };
}

export interface StepEffect extends StepEffectPlan, Effect {
  readonly ms: number;
}

/** Told before the models are trained. */
export interface StepEffectCost {
  /** Models that an earlier call asked. */
  readonly known: number;
  readonly leftMs: number;
  readonly sizeBytes: EffectPair<number>;
}

/** Errors: project/argument for the step, project/nothing where it keeps nothing or the data set is too small. */
export async function measureStepEffect(
  at: Workspace,
  given: string | undefined,
  { step, settings = {}, mustBePresent = false, seeds = 3, tokens = 600_000, documents: most = 300 }: StepEffectOptions,
  watch: Watch,
  onPlan: (plan: StepEffectPlan, cost: StepEffectCost) => void = () => {},
): Promise<StepEffect> {
  const name = dataNameOf(at.file, given);
  const sides = effectSides(at.file, name, step, settings, mustBePresent);
  const store = await at.store();
  const show = progressFor(watch, "effect");
  const artifactOf = async (set: string) => (await runLinks(store, dataLinksOf(sides.project, set), {}, watch)).made.get(`data/${set}`)!;
  const [without, withStep] = [await artifactOf(sides.without), await artifactOf(sides.with)];
  const material = await effectMaterial(without, withStep, most);
  if (material.with.length === 0 || material.asked.length < 2)
    throw projectErrors.fail("nothing", {
      place: `data/${name}`,
      expected: "documents to train on with the step, and two held out",
      received: `${material.with.length} and ${material.asked.length}`,
      hint: "The step keeps nothing, or the data set is too small.",
    });

  show({ stage: "effect", message: "tokenizer" });
  const learned = firstTexts(material.without, tokenizerBytes);
  const tokenizer = trainBpe(learned, { vocab: proxyVocab });
  const proxy = proxyTrainer({ device: deviceOf(at.file), tokenizer, tokens, signal: watch.signal });
  const identity = { loam: ownPackage().version, proxy: proxy.identity, tokenizer: sha256(learned.join("\0")) };
  const trainer = rememberedTrainer(proxy, identity, workFolder(at.folder, "effects", at.file.config.store.encrypt));
  const numbers = Array.from({ length: seeds }, (_, i) => i + 1);
  const known = (["without", "with"] as const).flatMap(side => numbers.filter(seed => trainer.isKnown(material[side], seed))).length;
  show({ stage: "effect", message: "timing a few steps" });
  const stepMs = await proxy.stepMs(material.without);
  const askedTokens = proxy.count(material.asked.map(d => d.before));
  // Asking is a forward pass of about twice the tokens (windows overlap), a third of a step each.
  const msEach = stepMs * proxy.steps * (1 + (2 * askedTokens) / 3 / tokens);
  const bytesOf = (texts: readonly string[]) => texts.reduce((n, t) => n + Buffer.byteLength(t), 0);
  const plan = {
    name,
    step,
    settings,
    isPresent: sides.isPresent,
    artifacts: { without: without.id, with: withStep.id },
    model: { parameters: proxy.parameters, steps: proxy.steps, tokens },
    seeds,
    epochs: { without: tokens / proxy.count(material.without), with: tokens / proxy.count(material.with) },
    documents: { without: material.without.length, with: material.with.length, strangers: material.strangers },
  };
  const sizeBytes = { without: bytesOf(material.without), with: bytesOf(material.with) };
  onPlan(plan, { known, leftMs: (2 * seeds - known) * msEach, sizeBytes });

  const started = performance.now();
  const effect = await measureEffect({
    without: material.without,
    with: material.with,
    asked: material.asked,
    seeds: numbers,
    trainer,
    onProgress: (done, message) => {
      const ms = performance.now() - started;
      show({ stage: "effect", done, message, ...(done > 0.02 ? { leftMs: (ms * (1 - done)) / done } : {}) });
    },
  });
  return { ...plan, ms: performance.now() - started, ...effect };
}
