/**
 * Which words of a text a class rests on, of any classifier that is served: occlusion by leaving words out, with its faithfulness. The score is the
 * logarithm of the class's probability, or that less another class's; a model that gives a number is explained by the number.
 */
import { faithfulness, faithfulnessLooks, occlusion } from "../../nn/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { faithfulnessOptions, shownFaithfulness, withoutWords, wordSpans } from "./attribution-units.ts";
import type { AttributionsBody } from "./attributions.ts";
import { classifyVariants } from "./classify-texts.ts";
import { type AppContext, newId } from "./exchange.ts";

/** Texts that are sent to the engine at once. */
const atOnce = 32;
/** A probability below this counts as this: the logarithm of 0 is no score. */
const leastProbability = 1e-12;

const refuse = (place: string, expected: string, received: string) => serveErrors.fail("parameter", { place, expected, received });

function indexOf(labels: readonly string[], label: string, place: string): number {
  const index = labels.indexOf(label);
  if (index < 0) throw refuse(place, `one of ${labels.join(", ")}`, `"${label}"`);
  return index;
}

function textOf({ prompt, messages, methods, units, against, input }: AttributionsBody): string {
  if (prompt != null || messages != null) throw refuse("prompt", "input, for a classifier", "prompt or messages");
  if (methods?.some(m => m !== "occlusion")) throw refuse("methods", '["occlusion"], for a classifier', JSON.stringify(methods));
  if (units === "token") throw refuse("units", '"word", for a classifier', '"token"');
  if (against != null && typeof against !== "string") throw refuse("against", "the name of a class, for a classifier", "token ids");
  if (input == null) throw refuse("input", "a text", "none");
  return input;
}

/** Errors: serve/parameter, and those of the engine. */
export async function classAttributions(c: AppContext, engine: EmbeddingEngine, body: AttributionsBody): Promise<Response> {
  c.var.exchange.engine = engine;
  const { classifier } = engine.model.config;
  if (!classifier)
    throw serveErrors.fail("unsupported", {
      place: "model",
      expected: "a model that continues texts, or a classifier",
      received: `${engine.model.id}, which embeds texts`,
    });
  const input = textOf(body);
  const { signal } = c.req.raw;
  const started = performance.now();
  const first = await classifyVariants(engine, [input], signal);
  const isValue = classifier.kind === "value";
  if (isValue && body.against != null) throw refuse("against", "no other class: the model gives a number", `"${body.against}"`);
  const likeliest = first.scores[0]!.indexOf(Math.max(...first.scores[0]!));
  const given = first.told[0]! >= 0 ? first.told[0]! : likeliest;
  const label = body.label == null ? given : indexOf(first.labels, body.label, "label");
  const against = typeof body.against === "string" ? indexOf(first.labels, body.against, "against") : undefined;
  const logOf = (p: number) => Math.log(Math.max(leastProbability, p));
  const scoreOf = (row: readonly number[]) =>
    isValue ? row[label]! : logOf(row[label]!) - (against === undefined ? 0 : logOf(row[against]!));

  const spans = wordSpans(input, limits.attributionUnits);
  if (spans.length === 0) throw refuse("input", "a text with at least one word", JSON.stringify(input));
  const judged = body.faithfulness ? faithfulnessLooks(spans.length, 1, faithfulnessOptions) : 0;
  const scores = async (sets: readonly (readonly number[])[]) => {
    const rows: number[][] = [];
    for (let i = 0; i < sets.length; i += atOnce) {
      const texts = sets.slice(i, i + atOnce).map(gone =>
        withoutWords(
          input,
          gone.map(u => spans[u]!),
        ),
      );
      rows.push(...(await classifyVariants(engine, texts, signal)).scores.map(row => [scoreOf(row)]));
    }
    return rows;
  };
  const score = scoreOf(first.scores[0]!);
  const [falls] = await occlusion(scores, spans.length, [score]);
  const [believed] = body.faithfulness ? await faithfulness(scores, 0, [falls!], faithfulnessOptions) : [];
  return c.json({
    id: newId("attr"),
    object: "attributions",
    model: body.model,
    system_fingerprint: engine.fingerprint,
    label: first.labels[label] ?? null,
    ...(against === undefined ? {} : { against: first.labels[against] }),
    score: isValue ? "value" : "logprob",
    units: spans.map(({ start, end }) => ({ start, end, text: input.slice(start, end) })),
    attributions: [
      {
        target: "label",
        score,
        occlusion: Array.from(falls!),
        ...(believed ? { faithfulness: { occlusion: shownFaithfulness(believed) } } : {}),
      },
    ],
    timing: { total_ms: Math.round(performance.now() - started), runs: 1 + spans.length + judged },
  });
}
