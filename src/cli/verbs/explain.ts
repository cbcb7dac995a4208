/** `loam explain`: which parts of a prompt a response or a class rests on. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { defined } from "../../base/index.ts";
import { type ExplainMethod, explainResponse, isExplainMethod, type ResponseExplanation } from "../../project/explaining/index.ts";
import { callOf, wrongArgument } from "../../project/index.ts";
import { choiceOption, listOption, textOption } from "../options.ts";
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

export const explainModel: VerbRun = async (context, [model], options) => {
  const { out, signal } = context;
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
