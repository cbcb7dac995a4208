/** `loam explain`: which parts of a prompt, and which training documents, a response or a class rests on. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { defined } from "../../base/index.ts";
import {
  type ExplainMethod,
  explainInfluence,
  explainResponse,
  type InfluentialDocument,
  isExplainMethod,
  isInfluenceMethod,
  type MeasuredInfluence,
  measureInfluence,
  type ResponseExplanation,
  type TextInfluence,
} from "../../project/explaining/index.ts";
import { callOf, wrongArgument } from "../../project/index.ts";
import { choiceOption, listOption, numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { showCall } from "../show-call.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const place = "loam explain";

async function bodyOf(context: Context, options: Options): Promise<Readonly<Record<string, unknown>>> {
  const [body, prompt, input] = ["body", "prompt", "input"].map(key => textOption(options, key));
  const given = defined({ prompt, input });
  if ([body, prompt, input].filter(x => x !== undefined).length !== 1)
    throw wrongArgument(place, "one of --body, --prompt and --input", "none, or several");
  if (body === undefined) return given;
  const read = body === "-" ? await textOf(streamsOf(context).stdin) : await readFile(resolve(context.cwd, body), "utf8");
  const wrong = (received: string) => wrongArgument(`${place}: --body`, "a JSON object", received);
  let value: unknown;
  try {
    value = JSON.parse(read);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : "no JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw wrong(Array.isArray(value) ? "an array" : typeof value);
}

async function responseOf(context: Context, options: Options): Promise<string | undefined> {
  const given = textOption(options, "response");
  return given?.startsWith("@") ? readFile(resolve(context.cwd, given.slice(1)), "utf8") : given;
}

function methodsOf(options: Options): readonly ExplainMethod[] | undefined {
  const given = listOption(options, "method");
  const wrong = given.find(m => !isExplainMethod(m));
  if (wrong !== undefined)
    throw wrongArgument(`${place}: --method`, "gradient_x_input, integrated_gradients or occlusion", JSON.stringify(wrong));
  return given.length > 0 ? given.filter(isExplainMethod) : undefined;
}

/** A bar of at most ten marks: the share of the largest value. */
const bar = (value: number, most: number): string => (value < 0 ? "-" : "+").repeat(Math.round((10 * Math.abs(value)) / most));

function show(out: Output, e: ResponseExplanation): void {
  if (e.isReproduced !== null) out.line(`  ${e.model} gives ${e.isReproduced ? "the same response again" : "another response now"}`);
  if (e.caveat !== null) out.line(`  not compared: ${e.caveat}`);
  out.line(
    `  ${e.model}: ${JSON.stringify(e.response)}${e.against === null ? "" : ` rather than ${JSON.stringify(e.against)}`}, score ${e.score.toFixed(3)}`,
  );
  const methods = (["gradient_x_input", "integrated_gradients", "occlusion"] as const).filter(m => e.parts[0]?.shares[m] !== undefined);
  const most = methods.map(m => Math.max(1e-12, ...e.parts.map(p => Math.abs(p.shares[m] ?? 0))));
  const width = Math.min(24, Math.max(4, ...e.parts.map(p => JSON.stringify(p.text).length)));
  out.line(`  ${"part".padEnd(width)}  ${methods.map(m => m.padEnd(22)).join("  ")}`);
  for (const p of e.parts) {
    const cells = methods.map((m, i) => `${(p.shares[m] ?? 0).toFixed(3).padStart(9)}  ${bar(p.shares[m] ?? 0, most[i]!).padEnd(11)}`);
    out.line(`  ${JSON.stringify(p.text).slice(0, width).padEnd(width)}  ${cells.join("  ")}`);
  }
  for (const m of methods) {
    const f = e.faithfulness[m];
    if (f)
      out.line(
        `  ${m}: mean score ${f.deletion.toFixed(3)} as the greatest parts are taken away first (random ${f.random_deletion.toFixed(3)}), ${f.insertion.toFixed(3)} as they are given back first (random ${f.random_insertion.toFixed(3)})`,
      );
  }
  if (e.completeness && !e.completeness.isComplete)
    out.line(`  integrated_gradients: incomplete, the sum is ${e.completeness.error.toFixed(3)} from the score's difference`);
}

type Score = MeasuredInfluence["scores"]["tracin"];
const scoreText = ({ value, low, high }: Score): string => `${value.toFixed(3)}, 95 % CI [${low.toFixed(3)}, ${high.toFixed(3)}]`;

function showMeasured(out: Output, { model, scores, overNearest, models, texts }: MeasuredInfluence): void {
  out.line(`  ${model}: linear datamodelling score over ${models} retrained models and ${texts} validation texts`);
  for (const [method, score] of Object.entries(scores)) out.line(`  ${method.padEnd(8)} ${scoreText(score)}`);
  for (const [method, gain] of Object.entries(overNearest)) out.line(`  ${method} over nearest: ${scoreText(gain)}`);
}

function showInfluence(out: Output, e: TextInfluence): void {
  const kept = e.checkpoints > 0 ? `${e.checkpoints} checkpoints` : "final weights (no kept checkpoints)";
  out.line(`  ${e.model}: class ${JSON.stringify(e.label)}, probability ${e.probability.toFixed(3)}; ${e.method}, ${kept}`);
  const list = (title: string, documents: readonly InfluentialDocument[]) => {
    out.line(`  ${title} of ${e.trainingDocuments} training documents`);
    for (const d of documents) out.line(`    ${d.score.toExponential(2).padStart(9)}  ${d.id}  ${d.label}`);
    if (documents.length === 0) out.line("    none");
  };
  list("most helpful", e.helpful);
  list("most harmful", e.harmful);
  if (e.forgotten > 0) out.line(`  ${e.forgotten} forgotten documents are not named; the model was trained on them`);
  const score = e.faithfulness?.scores[e.method];
  out.line(
    score
      ? `  faithfulness of ${e.method}: linear datamodelling score ${scoreText(score)} (${e.faithfulness!.models} retrained models)`
      : `  faithfulness: not measured; \`loam explain ${e.model} --measure-influence 32\` retrains 32 models`,
  );
}

async function influenceOf(context: Context, model: string | undefined, options: Options, input: string): Promise<void> {
  const { out, signal } = context;
  const [method, ...more] = listOption(options, "method");
  if (more.length > 0 || (method !== undefined && !isInfluenceMethod(method)))
    throw wrongArgument(
      `${place}: --method`,
      "with --influence one of tracin, trak and nearest",
      JSON.stringify([method, ...more].join(", ")),
    );
  const asked = {
    model,
    input,
    label: textOption(options, "label"),
    method,
    top: numberOption(options, "top", "explain", { least: 1, most: 1000, whole: true }),
  };
  const at = { folder: folderOf(context, options), cwd: context.cwd };
  const found = await showCall(
    { out },
    callOf(watch => explainInfluence(at, asked, watch), { signal }),
  );
  showInfluence(out, found);
  out.result(found);
}

async function measuredInfluence(context: Context, model: string | undefined, options: Options): Promise<void> {
  const { out, signal } = context;
  const models = numberOption(options, "measureInfluence", "explain", { least: 3, most: 1000, whole: true });
  const at = { folder: folderOf(context, options), cwd: context.cwd };
  const found = await showCall(
    { out },
    callOf(watch => measureInfluence(at, { model, models }, watch), { signal }),
  );
  showMeasured(out, found);
  out.result(found);
}

/** Of options that ask for different things, one. */
function checkOne(options: Options): void {
  const given = ["influence", "measureInfluence"].filter(key => options[key] !== undefined);
  const others = ["body", "prompt", "input", "response", "against", "units", "request"].filter(
    key => textOption(options, key) !== undefined && !(key === "units" && options[key] === "word"),
  );
  if (given.length > 1 || (given.length === 1 && others.length > 0))
    throw wrongArgument(
      place,
      "--influence or --measure-influence without what explains a request",
      `--${[...given, ...others].join(", --")}`,
    );
}

export const explainModel: VerbRun = async (context, [model], options) => {
  const { out, signal } = context;
  checkOne(options);
  const influence = textOption(options, "influence");
  if (influence !== undefined) return influenceOf(context, model, options, influence);
  if (options.measureInfluence !== undefined) return measuredInfluence(context, model, options);
  const at = { folder: folderOf(context, options), cwd: context.cwd };
  const asked = {
    model,
    request: textOption(options, "request"),
    body: await bodyOf(context, options),
    response: await responseOf(context, options),
    against: textOption(options, "against"),
    label: textOption(options, "label"),
    methods: methodsOf(options),
    units: choiceOption(options, "units", "explain", ["token", "word"]),
  };
  const found = await showCall(
    { out },
    callOf(watch => explainResponse(at, asked, watch), { signal }),
  );
  show(out, found);
  out.result(found);
};
