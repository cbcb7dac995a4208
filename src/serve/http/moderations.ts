/**
 * POST /v1/moderations: which labels of a served multi-label classifier hold of texts, in OpenAI's words. A text longer than the model is read in windows of
 * which each half is read twice; disguises are undone (`text/normalise`) and read beside the text as it is. A label's score is the highest of all readings.
 */
import { heldLabels, labelProbabilities } from "../../nn/index.ts";
import { moderationInputs, moderationsRequest, requestFields } from "../../protocols/index.ts";
import { undisguisedReadings } from "../../text/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { responseAccount } from "../response-account.ts";
import { type AppContext, newId, type Services } from "./exchange.ts";
import { parseBody } from "./parse.ts";
import { checkedBody } from "./request-fields.ts";

/** Characters of all texts of a request: their tokens are counted on the thread that serves everyone. */
const mostCharacters = 2_000_000;

/** A text's tokens in windows as long as the model reads, each beginning in the middle of the one before. */
function windowsOf({ model }: EmbeddingEngine, text: string): number[][] {
  const { tokenizer, longest } = model;
  const encode = (part: string, addSpecialTokens: boolean) =>
    Array.from(tokenizer.encode(part, { readSpecialTokens: false, addSpecialTokens }));
  const around = encode("", true);
  const first = around.slice(0, 1);
  const last = around.length > 1 ? around.slice(-1) : [];
  const room = Math.max(2, longest - first.length - last.length);
  const ids = encode(text, false);
  // a text of nothing is read as the model reads one
  if (ids.length === 0) return [around.length > 0 ? around : [0]];
  const windows: number[][] = [];
  for (let at = 0; ; at += room >> 1) {
    windows.push([...first, ...ids.slice(at, at + room), ...last]);
    if (at + room >= ids.length) return windows;
  }
}

interface ModeratedText {
  /** Of each label. */
  readonly scores: readonly number[];
  readonly held: readonly boolean[];
}

/** Errors: serve/unsupported for another model than a multi-label classifier, serve/parameter for too much text, those of the engine. */
export async function moderateTexts(
  engine: EmbeddingEngine,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly labels: readonly string[]; readonly texts: readonly ModeratedText[]; readonly tokens: number }> {
  const { model } = engine;
  const { classifier } = model.config;
  if (classifier?.kind !== "several")
    throw serveErrors.fail("unsupported", {
      place: "model",
      expected: "a multi-label classifier",
      received: `"${model.id}", another model`,
      hint: "`loam tune` with task: multilabel makes one.",
    });
  if (texts.reduce((n, t) => n + t.length, 0) > mostCharacters)
    throw serveErrors.fail("parameter", {
      place: "input",
      expected: `at most ${mostCharacters} characters in one request`,
      received: "more",
    });
  const windows: number[][] = [];
  const textOf: number[] = [];
  let tokens = 0;
  for (const [i, text] of texts.entries())
    for (const reading of [text, ...undisguisedReadings(text)])
      for (const window of windowsOf(engine, reading)) {
        tokens += window.length;
        if (tokens > limits.embeddingTokens)
          throw serveErrors.fail("parameter", {
            place: "input",
            expected: `at most ${limits.embeddingTokens} tokens in one request`,
            received: "more",
            hint: "Send several requests.",
          });
        windows.push(window);
        textOf.push(i);
      }
  const logits = await engine.embed(windows, signal);
  const scores = texts.map(() => classifier.labels.map(() => 0));
  for (const [w, row] of logits.entries())
    for (const [k, p] of labelProbabilities(classifier, row).entries()) scores[textOf[w]!]![k] = Math.max(scores[textOf[w]!]![k]!, p);
  const moderated = scores.map(row => ({ scores: row, held: heldLabels(classifier, row) }));
  const account = responseAccount(signal);
  if (account)
    for (const [i, { scores: own, held }] of moderated.entries())
      account.read({
        tokens: windows[textOf.indexOf(i)]!,
        label: classifier.labels[held.indexOf(true)] ?? null,
        labels: classifier.labels,
        probabilities: own,
        vector: null,
      });
  return { labels: classifier.labels, texts: moderated, tokens };
}

/** The model of a request; of one without a name the only multi-label classifier. Errors: serve/missing, those of `findEncoder`. */
function moderatorOf(engines: Engines, name: string | null | undefined): EmbeddingEngine {
  if (name != null) return engines.findEncoder(name);
  const found = engines.encoders().filter(e => e.model.config.classifier?.kind === "several");
  if (found.length === 1) return engines.findEncoder(found[0]!.model.name ?? found[0]!.model.id);
  throw serveErrors.fail("missing", {
    place: "model",
    message: `the parameter is needed: ${found.length} multi-label classifiers are served`,
  });
}

/** Errors: serve/missing, serve/type, serve/unsupported for pictures, those of `moderateTexts`. */
export async function moderations(c: AppContext, { engines }: Services): Promise<Response> {
  const body = parseBody(moderationsRequest, await checkedBody(c, requestFields.moderations));
  const inputs = moderationInputs(body.input);
  if (inputs.some(i => i.hasPicture))
    throw serveErrors.fail("unsupported", { place: "input", message: "pictures are not read", hint: "Send the text parts alone." });
  const engine = moderatorOf(engines, body.model);
  c.var.exchange.engine = engine;
  const { labels, texts, tokens } = await moderateTexts(
    engine,
    inputs.map(i => i.text),
    c.req.raw.signal,
  );
  c.var.exchange.inputTokens = tokens;
  const named = <T>(values: (label: number) => T): Record<string, T> => Object.fromEntries(labels.map((label, k) => [label, values(k)]));
  return c.json({
    id: newId("modr"),
    model: body.model ?? engine.model.name ?? engine.model.id,
    results: texts.map(({ scores, held }) => ({
      flagged: held.includes(true),
      categories: named(k => held[k]!),
      category_scores: named(k => scores[k]!),
      category_applied_input_types: named(() => ["text"]),
    })),
  });
}
