/**
 * POST /v1/moderations: which labels of a served multi-label classifier hold of texts, in OpenAI's words; or whether the class holds that a threshold of a
 * classifier of classes decides about, by the group of a text where it has thresholds by group. A text longer than the model is read in windows of
 * which each half is read twice; disguises are undone (`text/normalise`) and read beside the text as it is. A label's score is the highest of all readings.
 */
import { type ClassifierConfig, groupThreshold, heldLabels, labelProbabilities, toldLabel } from "../../nn/index.ts";
import { moderationInputs, moderationsRequest, requestFields } from "../../protocols/index.ts";
import { undisguisedReadings } from "../../text/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { responseAccount } from "../response-account.ts";
import { classProbabilities, type TextGroups, textGroups } from "./classify-texts.ts";
import { type AppContext, askerOf, newId, type Services } from "./exchange.ts";
import { parseBody } from "./parse.ts";
import { checkedBody, ignore } from "./request-fields.ts";

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
interface ModeratedTexts {
  readonly labels: readonly string[];
  readonly texts: readonly ModeratedText[];
  readonly tokens: number;
  /** Of a model with thresholds of groups, for each text the group whose threshold decided; null: the common threshold did. */
  readonly decidedBy?: readonly (string | null)[];
}

/** How a classifier moderates: its labels, and which of them hold of a text, from the logits of its windows. */
interface Verdicts {
  readonly labels: readonly string[];
  readonly of: (windows: readonly ArrayLike<number>[], group?: string) => ModeratedText;
}
const highest = (rows: readonly (readonly number[])[], labels: readonly string[]): number[] =>
  labels.map((_, k) => Math.max(0, ...rows.map(row => row[k]!)));

/** Undefined for a model that moderates nothing: no classifier, numbers, or classes of which no threshold decides about one. */
function verdictsOf(classifier: ClassifierConfig | undefined): Verdicts | undefined {
  if (classifier?.kind === "several") {
    const { labels } = classifier;
    const of = (windows: readonly ArrayLike<number>[]): ModeratedText => {
      const scores = highest(
        windows.map(row => labelProbabilities(classifier, row)),
        labels,
      );
      return { scores, held: heldLabels(classifier, scores) };
    };
    return { labels, of };
  }
  const outcome = classifier?.groupThresholds?.label ?? classifier?.threshold?.label;
  if (!classifier || outcome === undefined) return undefined;
  const index = classifier.labels.indexOf(outcome);
  return {
    labels: [outcome],
    of: (windows, group) => {
      const rows = windows.map(row => classProbabilities(Array.from(row)));
      return {
        scores: [Math.max(...rows.map(p => p[index]!))],
        held: [rows.some(p => toldLabel(classifier, p, group) === index)],
      };
    },
  };
}

/** Windows of all readings of texts, each with the index of its text. Errors: serve/parameter for too much text. */
function windowsOfTexts(engine: EmbeddingEngine, texts: readonly string[]) {
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
  return { windows, textOf, tokens };
}

/**
 * A group without a threshold is decided by the common one. Errors: serve/unsupported for a model that moderates nothing, serve/parameter for too much
 * text, those of the engine.
 */
export async function moderateTexts(
  engine: EmbeddingEngine,
  texts: readonly string[],
  signal: AbortSignal,
  groups?: TextGroups,
): Promise<ModeratedTexts> {
  const { classifier } = engine.model.config;
  const verdicts = verdictsOf(classifier);
  if (!classifier || !verdicts)
    throw serveErrors.fail("unsupported", {
      place: "model",
      expected: "a multi-label classifier, or one with a threshold for a class",
      received: `"${engine.model.id}", another model`,
      hint: "`loam tune` with task: multilabel makes one.",
    });
  const { windows, textOf, tokens } = windowsOfTexts(engine, texts);
  const logits = await engine.embed(windows, signal);
  const ofText: Float32Array[][] = texts.map(() => []);
  for (const [w, row] of logits.entries()) ofText[textOf[w]!]!.push(row);
  const moderated = ofText.map((rows, i) => verdicts.of(rows, groups?.[i]));
  const account = responseAccount(signal);
  const { labels } = verdicts;
  if (account)
    for (const [i, { scores: own, held }] of moderated.entries())
      account.read({
        tokens: windows[textOf.indexOf(i)]!,
        label: labels[held.indexOf(true)] ?? null,
        labels,
        probabilities: own,
        vector: null,
      });
  const decidedBy = texts.map((_, i) => (groupThreshold(classifier, groups?.[i]) ? groups![i]! : null));
  return { labels, texts: moderated, tokens, ...(classifier.groupThresholds ? { decidedBy } : {}) };
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

/** Errors: serve/missing, serve/type, serve/unsupported for pictures, serve/parameter for another number of groups, those of `moderateTexts`. */
export async function moderations(c: AppContext, { engines }: Services): Promise<Response> {
  const body = parseBody(moderationsRequest, await checkedBody(c, requestFields.moderations));
  const inputs = moderationInputs(body.input);
  if (inputs.some(i => i.hasPicture))
    throw serveErrors.fail("unsupported", { place: "input", message: "pictures are not read", hint: "Send the text parts alone." });
  const engine = moderatorOf(engines, body.model);
  c.var.exchange.engine = engine;
  const groups = textGroups(body.group, inputs.length, "group");
  const { labels, texts, tokens, decidedBy } = await moderateTexts(
    engine,
    inputs.map(i => i.text),
    c.req.raw.signal,
    groups,
  );
  if (decidedBy) askerOf(c).onDecided?.(decidedBy);
  else if (groups) ignore(c.var.exchange, ["group"]);
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
