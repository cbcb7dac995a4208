/** `loam deploy measure`: throughput by concurrency. */
import { environment, formatBytes } from "../../base/index.ts";
import { servedForms } from "../../deploy/index.ts";
import { deployMeasure } from "../../project/deploying/index.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { quietWatchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const verb = "deploy measure";

export const deployMeasureVerb: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  const whole = (key: string, most: number, least = 1) => numberOption(options, key, verb, { least, most, whole: true });
  const load = numberOption(options, "load", verb, { least: 0.001, most: 1e9 });
  const measured = await deployMeasure(
    workplaceOf(context, options),
    given,
    {
      to: textOption(options, "to"),
      url: textOption(options, "url"),
      apiKey: environment().LOAM_API_KEY,
      slots: whole("slots", 256),
      context: whole("context", 1_048_576, 16),
      quantize: choiceOption(options, "quantize", verb, servedForms),
      cpu: numberOption(options, "cpu", verb, { least: 0.1, most: 1024 }),
      promptTokens: whole("promptTokens", 1_048_576),
      completionTokens: whole("completionTokens", 1_048_576),
      rounds: whole("rounds", 1000),
      load,
    },
    quietWatchOf(context),
  );
  out.clear();
  const { knee, points, memory } = measured;
  out.line(
    `  ${measured.model}   ${measured.slots} concurrent sequences, context ${measured.context}, ${measured.form}, ${measured.cpu} cores`,
  );
  out.line("    concurrency   tokens/s   first token p50   p99   between tokens p50   p99 (ms)");
  for (const p of points) {
    const cells = [p.tokensPerSecond, p.firstTokenMs.p50, p.firstTokenMs.p99, p.interTokenMs.p50, p.interTokenMs.p99];
    out.line(`    ${String(p.concurrency).padStart(11)}   ${cells.map(x => x.toFixed(1).padStart(8)).join("   ")}`);
  }
  out.line(
    `  Knee: ${knee.concurrency} at once, ${knee.tokensPerSecond.toFixed(1)} tokens/s. A further pod from ${measured.requestsPerPod} per pod.`,
  );
  if (measured.replicas !== null) out.line(`  ${measured.replicas} replicas for ${load} tokens/s`);
  if (memory && memory.peakBytes !== null)
    out.line(`  Memory: at most ${formatBytes(memory.peakBytes)}; computed for full sequences ${formatBytes(memory.computedBytes)}`);
  out.result(measured);
};
