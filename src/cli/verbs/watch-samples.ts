/** `loam watch samples`: redacted examples of requests that monitoring kept. */
import { type RequestSample, watchedSamples } from "../../project/watching/index.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const time = (ms: number): string => new Date(ms).toISOString().replace("T", " ").slice(0, 19);
const mostShown = 300;
/** On one line, without characters that a terminal would obey. */
const line = (text: string): string => {
  const clean = text.replace(/\p{C}+|\s+/gu, " ").trim();
  return clean.length > mostShown ? `${clean.slice(0, mostShown)}...` : clean;
};

function* linesOf({ at, model, endpoint, outcome, signs, prompt, answer, label }: RequestSample): Generator<string> {
  yield `  ${time(at)}  ${model}  ${endpoint}, ${outcome}${signs.length > 0 ? `: ${signs.join(", ")}` : ""}`;
  yield `    prompt    ${line(prompt)}`;
  if (answer !== null) yield `    response  ${line(answer)}`;
  if (label !== null) yield `    label     ${label}`;
}

export const watchSamples: VerbRun = async (context, [model], options) => {
  const { out } = context;
  const limit = numberOption(options, "limit", "watch samples", { least: 1, most: 10_000, whole: true });
  await inProject(context, options, async at => {
    const { watch } = at.file.config;
    const samples = await watchedSamples(await at.store(), { model, alarm: textOption(options, "alarm"), limit });
    for (const sample of samples) for (const shown of linesOf(sample)) out.line(shown);
    if (samples.length === 0)
      out.line(
        watch === false || watch.samples === false
          ? "  No examples: no text is kept unless loam.yaml says `watch: { samples: { share: 0.01 } }`."
          : "  No examples yet.",
      );
    out.result({ samples });
  });
};
