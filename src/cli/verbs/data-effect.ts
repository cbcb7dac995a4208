/** `loam data effect`: what a step does to a model, measured on small ones, with an interval. */
import { formatBytes, formatCount, formatDuration } from "../../base/index.ts";
import { type EffectOn, parseSetting } from "../../data/index.ts";
import { measureStepEffect } from "../../project/data/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { listOption, numberOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const signed = (x: number) => `${x < 0 ? "-" : "+"}${Math.abs(x).toFixed(4)}`;

function printOn({ out }: Context, title: string, e: EffectOn | undefined): void {
  if (e === undefined) {
    out.line(`  ${title}: fewer than two documents`);
    return;
  }
  const word = e.high < 0 ? "the step helps" : e.low > 0 ? "the step harms" : "no difference that these models can show";
  out.line(`  ${title}: ${formatCount(e.documents)} documents, ${formatBytes(e.bytes)}`);
  out.line(
    `    bits per byte ${e.without.toFixed(4)} without, ${e.with.toFixed(4)} with: ${signed(e.difference)}, 95 % in ${signed(e.low)} to ${signed(e.high)}: ${word}`,
  );
  out.line(`    standard error ${e.errorOfDocuments.toFixed(4)} from documents, ${e.errorOfSeeds.toFixed(4)} from seeds`);
}

export const dataEffect: VerbRun = async (context, [given], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const step = textOption(options, "step");
    if (step === undefined) throw wrongArgument("loam data effect", "--step STEP", "none", "docs/data.md lists them.");
    const number = (key: string, least: number, most: number) => numberOption(options, key, "data effect", { least, most, whole: true });
    const wanted = {
      step,
      seeds: number("seeds", 2, 50),
      tokens: number("tokens", 1000, 1e9),
      documents: number("documents", 2, 1e6),
      settings: Object.fromEntries(listOption(options, "set").map(parseSetting)),
      mustBePresent: options.without === true,
    };
    const effect = await measureStepEffect(at, given, wanted, watchOf(context), ({ model, seeds, epochs, documents }, cost) => {
      out.clear();
      out.line(
        `  ${2 * seeds} models of ${formatCount(model.parameters)} weights, ${formatCount(model.steps)} steps of ${formatCount(model.tokens)} tokens each: about ${formatDuration(cost.leftMs)}${cost.known > 0 ? `; ${cost.known} of them asked before` : ""}`,
      );
      for (const side of ["without", "with"] as const)
        out.line(
          `  ${side.padEnd(8)} ${formatCount(documents[side])} documents, ${formatBytes(cost.sizeBytes[side])}, ${epochs[side].toFixed(2)} epochs`,
        );
      if (documents.strangers > 0)
        out.line(`  left out ${formatCount(documents.strangers)} documents that only the side with the step has`);
    });
    out.done("effect", `${step} ${effect.isPresent ? "as it is in" : "added to"} ${effect.name}`, effect.ms);
    printOn(context, "held out, of what the step keeps", effect.kept);
    printOn(context, "held out, all", effect.all);
    out.result(effect);
  });
};
