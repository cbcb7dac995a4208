/** `loam data effect`: what a step does to a model, measured on small ones, with an interval. */
import { join } from "node:path";
import { formatBytes, formatCount, formatDuration, sha256 } from "../../base/index.ts";
import { type EffectOn, measureEffect, parseSetting, rememberedTrainer } from "../../data/index.ts";
import { dataNameOf, effectMaterial, effectSides, proxyTrainer, proxyVocab } from "../../project/data/index.ts";
import { dataLinksOf, findProject, ownPackage, projectErrors, runLinks, withProjectStore } from "../../project/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

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

const signed = (x: number) => `${x < 0 ? "-" : "+"}${Math.abs(x).toFixed(4)}`;

function printOn({ out }: Context, title: string, e: EffectOn | undefined): void {
  if (e === undefined) {
    out.line(`  ${title}: fewer than two documents`);
    return;
  }
  const word = e.high < 0 ? "the step helps" : e.low > 0 ? "the step harms" : "no difference that these models can show";
  out.line(`  ${title}: ${formatCount(e.documents)} documents, ${formatBytes(e.bytes)}`);
  out.line(
    `    bits a byte ${e.without.toFixed(4)} without, ${e.with.toFixed(4)} with: ${signed(e.difference)}, 95 % in ${signed(e.low)} to ${signed(e.high)}: ${word}`,
  );
  out.line(`    standard error ${e.errorOfDocuments.toFixed(4)} from documents, ${e.errorOfSeeds.toFixed(4)} from seeds`);
}

export const dataEffect: VerbRun = async (context, [given], options) => {
  const { out, signal } = context;
  const project = findProject(folderOf(context, options));
  const step = textOption(options, "step");
  if (step === undefined)
    throw cliErrors.fail("usage", {
      place: "loam data effect",
      expected: "--step STEP",
      received: "none",
      hint: "docs/data.md lists them.",
    });
  const number = (key: string, least: number, most: number) => numberOption(options, key, "data effect", { least, most, whole: true })!;
  const [seeds, tokens, most] = [number("seeds", 2, 50), number("tokens", 1000, 1e9), number("documents", 2, 1e6)];
  const settings = Object.fromEntries((Array.isArray(options.set) ? options.set : []).map(parseSetting));
  const name = dataNameOf(project, given);
  const sides = effectSides(project, name, step, settings, options.without === true);

  await withProjectStore(project, async store => {
    const artifactOf = async (set: string) => {
      const { made } = await runLinks(store, dataLinksOf(sides.project, set), {}, watchOf(context));
      return made.get(`data/${set}`)!;
    };
    const [without, withStep] = [await artifactOf(sides.without), await artifactOf(sides.with)];
    const material = await effectMaterial(without, withStep, most);
    if (material.with.length === 0 || material.asked.length < 2)
      throw projectErrors.fail("nothing", {
        place: `data/${name}`,
        expected: "documents to train on with the step, and two held out",
        received: `${material.with.length} and ${material.asked.length}`,
        hint: "The step keeps nothing, or the data set is too small.",
      });

    out.progress("effect")({ stage: "effect", message: "tokenizer" });
    const learned = firstTexts(material.without, tokenizerBytes);
    const tokenizer = trainBpe(learned, { vocab: proxyVocab });
    const { name: deviceName, ...deviceOptions } = project.config.device;
    const device = openDevice(deviceName, Object.fromEntries(Object.entries(deviceOptions).filter(([, v]) => v !== undefined)));
    const proxy = proxyTrainer({ device, tokenizer, tokens, signal });
    const identity = { loam: ownPackage().version, proxy: proxy.identity, tokenizer: sha256(learned.join("\0")) };
    const trainer = rememberedTrainer(proxy, identity, join(project.folder, ".loam", "effects"));
    const numbers = Array.from({ length: seeds }, (_, i) => i + 1);
    const known = (["without", "with"] as const).flatMap(side => numbers.filter(seed => trainer.isKnown(material[side], seed))).length;
    out.progress("effect")({ stage: "effect", message: "timing a few steps" });
    const stepMs = await proxy.stepMs(material.without);
    const askedTokens = proxy.count(material.asked.map(d => d.before));
    // Asking is a forward pass of about twice the tokens (windows overlap), a third of a step each.
    const msEach = stepMs * proxy.steps * (1 + (2 * askedTokens) / 3 / tokens);
    out.clear();
    const epochs = { without: tokens / proxy.count(material.without), with: tokens / proxy.count(material.with) };
    out.line(
      `  ${2 * seeds} models of ${formatCount(proxy.parameters)} weights, ${formatCount(proxy.steps)} steps of ${formatCount(tokens)} tokens each: about ${formatDuration((2 * seeds - known) * msEach)}${known > 0 ? `; ${known} of them asked before` : ""}`,
    );
    for (const side of ["without", "with"] as const)
      out.line(
        `  ${side.padEnd(8)} ${formatCount(material[side].length)} documents, ${formatBytes(material[side].reduce((n, t) => n + Buffer.byteLength(t), 0))}, ${epochs[side].toFixed(2)} epochs`,
      );
    if (material.strangers > 0) out.line(`  left out ${formatCount(material.strangers)} documents that only the side with the step has`);

    const started = performance.now();
    const show = out.progress("effect");
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
    const ms = performance.now() - started;
    out.done("effect", `${step} ${sides.isPresent ? "as it is in" : "added to"} ${name}`, ms);
    printOn(context, "held out, of what the step keeps", effect.kept);
    printOn(context, "held out, all", effect.all);
    out.result({
      name,
      step,
      settings,
      isPresent: sides.isPresent,
      artifacts: { without: without.id, with: withStep.id },
      model: { parameters: proxy.parameters, steps: proxy.steps, tokens },
      seeds,
      epochs,
      documents: { without: material.without.length, with: material.with.length, strangers: material.strangers },
      ms,
      ...effect,
    });
  });
};
