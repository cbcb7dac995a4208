/**
 * POST /v1/attributions: which tokens of a prompt an answer leans on, by gradient x input, by integrated gradients and by occlusion, from the graph of the
 * served model over the weights that are served. The answer is given, or the model is asked for it (greedy). Of a classifier: which words of a text a class
 * rests on. Nobody's contract but ours.
 */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { type AttributionRequest, type Baseline, faithfulnessLooks, scoreKinds, type TargetAttribution } from "../../nn/index.ts";
import { chatMessages } from "../../protocols/index.ts";
import { Attributor } from "../attribution/attributor.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { checkTokens } from "../padded-vocabulary.ts";
import { collectAll } from "./answers.ts";
import { faithfulnessOptions, shownFaithfulness, tokenUnits } from "./attribution-units.ts";
import { turnsOf } from "./chat-messages.ts";
import { classAttributions } from "./class-attributions.ts";
import { type AppContext, askerOf, bodyOf, newId, type Services, saltOf } from "./exchange.ts";
import { withOnlyModel } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { chatTokens, promptTokens } from "./prompt.ts";

const attributionMethods = ["gradient_x_input", "integrated_gradients", "occlusion"] as const;
const gradientMethods = ["gradient_x_input", "integrated_gradients"] as const;

const tokens = z.array(z.int().min(0)).min(1);
const places = z.array(z.int().min(0)).min(1).max(limits.attributionTargets);
export const attributionsRequest = z.object({
  model: z.string(),
  prompt: z.union([z.string().min(1), tokens], { error: "a text, or a list of token ids, not empty" }).nullish(),
  /** The text of a classifier. */
  input: z.string().min(1).nullish(),
  /** The class that is explained; the one that the classifier gives when absent. */
  label: z.string().nullish(),
  messages: chatMessages.nullish(),
  /** What is explained; the model's greedy answer when absent. */
  answer: z.union([z.string().min(1), tokens], { error: "a text, or a list of token ids, not empty" }).nullish(),
  /** Tokens of the answer that the model is asked for; 1 when absent. */
  max_tokens: z.int().min(1).max(limits.attributionTargets).nullish(),
  /** What it is compared with: another answer, or another class. */
  against: z.union([z.string().min(1), tokens], { error: "a text, or a list of token ids, not empty" }).nullish(),
  methods: z.array(z.enum(attributionMethods)).min(1).nullish(),
  /** The answer as one, each of its tokens by itself, or those at some places. */
  targets: z.union([z.enum(["answer", "each"]), places], { error: `"answer", "each", or a list of places in the answer` }).nullish(),
  score: z.enum(scoreKinds).nullish(),
  baseline: z.union([z.enum(["zero", "mean"]), z.int().min(0)], { error: `"zero", "mean", or a token id` }).nullish(),
  steps: z.int().min(2).max(limits.attributionSteps).nullish(),
  tolerance: z.number().min(0).nullish(),
  /** What occlusion and faithfulness take away as one. */
  units: z.enum(["token", "word"]).nullish(),
  /** How far each method can be believed: deletion and insertion beside random orders. */
  faithfulness: z.boolean().nullish(),
});
export type AttributionsBody = z.output<typeof attributionsRequest>;

const defaultSteps = 64;
/** Nats (or logits): a twentieth of what it takes to make a token e times as likely. */
const defaultTolerance = 0.05;

function promptOf(engine: Engine, { prompt, messages }: AttributionsBody): readonly number[] {
  if ((prompt == null) === (messages == null))
    throw serveErrors.fail("parameter", {
      place: "prompt",
      expected: "either prompt or messages",
      received: prompt == null ? "none" : "both",
    });
  return messages == null ? promptTokens(engine, prompt!) : chatTokens(engine, turnsOf(messages));
}

/** Tokens of an answer that is given. */
function givenTokens(engine: Engine, given: string | readonly number[]): readonly number[] {
  if (typeof given !== "string") return given;
  if (given.length > limits.attributionTokens * limits.charactersPerToken) promptTokens(engine, given);
  return Array.from(engine.model.tokenizer.encode(given, { addSpecialTokens: false, readSpecialTokens: false }));
}

async function answerOf(c: AppContext, engine: Engine, body: AttributionsBody, prompt: readonly number[]): Promise<readonly number[]> {
  const { answer } = body;
  if (answer != null) return givenTokens(engine, answer);
  const { requestId, owner, signal } = askerOf(c);
  const request = {
    tokens: prompt,
    maxTokens: Math.min(body.max_tokens ?? 1, Math.max(1, engine.room - prompt.length)),
    sampling: { temperature: 0 },
    group: requestId,
    signal,
    ...saltOf(owner),
  };
  const [said] = await collectAll(engine.submitAll([request]));
  if (said!.tokens.length > 0) return said!.tokens.map(t => t.token);
  throw serveErrors.fail("parameter", {
    place: "answer",
    expected: "something that the model says",
    received: "an answer that ends at once",
    hint: "Give the answer.",
  });
}

function targetsOf(body: AttributionsBody, answer: readonly number[]): readonly (readonly number[])[] {
  const { targets = "answer" } = body;
  if (targets === null || targets === "answer") return [[...answer.keys()]];
  const wanted = targets === "each" ? [...answer.keys()] : targets;
  const out = wanted.find(i => i >= answer.length);
  const wrong = (expected: string, received: string) => serveErrors.fail("parameter", { place: "targets", expected, received });
  if (out !== undefined) throw wrong(`places of the answer, 0 to ${answer.length - 1}`, String(out));
  if (wanted.length > limits.attributionTargets)
    throw wrong(`at most ${limits.attributionTargets} tokens by themselves`, `${wanted.length}`);
  return wanted.map(i => [i]);
}

/** Bounds the work before any of it is done. */
function checkWork(engine: Engine, r: AttributionRequest, methods: number): void {
  const { prompt, answer, against = [], targets, steps, baseline, units = prompt } = r;
  const length = prompt.length + Math.max(answer.length, against.length);
  const most = Math.min(limits.attributionTokens, engine.room);
  if (length > most)
    throw serveErrors.fail("contextLength", {
      place: "prompt",
      expected: `at most ${most} tokens with the answer`,
      received: String(length),
      hint: "Shorten the prompt.",
    });
  checkTokens(
    engine.model.tokenizer,
    [...prompt, ...answer, ...against, ...(typeof baseline === "object" ? [baseline.token] : [])],
    "prompt",
  );
  const judged = r.faithfulness ? faithfulnessLooks(units.length, methods, r.faithfulness) : 0;
  const looks = Math.max(1, steps) + (r.occlusion ? units.length : 0) + judged;
  const sides = r.against ? 2 : 1;
  const work = looks * targets.length * sides * length;
  if (work > limits.attributionWork)
    throw serveErrors.fail("parameter", {
      place: steps > 2 ? "steps" : "targets",
      expected: `steps x targets x tokens of at most ${limits.attributionWork}`,
      received: `${looks} x ${targets.length * sides} x ${length}`,
      hint: "Ask for fewer steps or targets, for units of words, or attribute the answer as one.",
    });
}

/** A target of the response, with the requested methods. */
function shownTarget(
  t: TargetAttribution,
  body: AttributionsBody,
  methods: readonly (typeof attributionMethods)[number][],
  tolerance: number,
) {
  const has = (method: (typeof attributionMethods)[number]) => methods.includes(method);
  const { faithfulness: f } = t;
  return {
    target: body.targets == null || body.targets === "answer" ? "answer" : t.target[0],
    score: t.score,
    ...(has("gradient_x_input") ? { gradient_x_input: Array.from(t.gradientTimesInput) } : {}),
    ...(t.integratedGradients && t.completeness
      ? {
          integrated_gradients: Array.from(t.integratedGradients),
          completeness: {
            baseline_score: t.baselineScore,
            difference: t.completeness.difference,
            sum: t.completeness.sum,
            error: t.completeness.error,
            tolerance,
            is_complete: t.completeness.error <= tolerance,
          },
        }
      : {}),
    ...(t.occlusion ? { occlusion: Array.from(t.occlusion) } : {}),
    ...(f
      ? {
          faithfulness: {
            ...(has("gradient_x_input") && f.gradientTimesInput ? { gradient_x_input: shownFaithfulness(f.gradientTimesInput) } : {}),
            ...(f.integratedGradients ? { integrated_gradients: shownFaithfulness(f.integratedGradients) } : {}),
            ...(f.occlusion ? { occlusion: shownFaithfulness(f.occlusion) } : {}),
          },
        }
      : {}),
  };
}

export async function attributions(c: AppContext, { engines }: Services): Promise<Response> {
  const body = parseBody(attributionsRequest, withOnlyModel(await bodyOf(c), engines));
  const any = engines.findAny(body.model);
  if (!("room" in any)) return classAttributions(c, any, body);
  const engine = any;
  c.var.exchange.engine = engine;
  for (const place of ["input", "label"] as const)
    if (body[place] != null)
      throw serveErrors.fail("parameter", {
        place,
        expected: "prompt or messages, for a model that continues texts",
        received: `${place}, which is of classifiers`,
      });
  const { tokenizer } = engine.model;
  const prompt = promptOf(engine, body);
  const answer = await answerOf(c, engine, body, prompt);
  if (answer.length === 0) throw serveErrors.fail("parameter", { place: "answer", expected: "a text that is not empty", received: '""' });
  const against = body.against == null ? undefined : givenTokens(engine, body.against);
  const methods: readonly (typeof attributionMethods)[number][] = body.methods ?? gradientMethods;
  const isIntegrated = methods.includes("integrated_gradients");
  const baseline: Baseline = typeof body.baseline === "number" ? { token: body.baseline } : (body.baseline ?? "mean");
  const tolerance = body.tolerance ?? defaultTolerance;
  const score = body.score ?? "logprob";
  const steps = isIntegrated ? (body.steps ?? defaultSteps) : 0;
  const texts = prompt.map(id => tokenizer.decode([id]));
  const units = body.units === "word" ? tokenUnits(texts) : undefined;
  const request: AttributionRequest = {
    ...{ prompt, answer, targets: targetsOf(body, answer), score, baseline, steps, tolerance },
    ...defined({ against, units, faithfulness: body.faithfulness ? faithfulnessOptions : undefined }),
    occlusion: methods.includes("occlusion"),
  };
  checkWork(engine, request, methods.length);
  const found = await Attributor.of(engine).attribute(request, c.req.raw.signal);

  const shown = (id: number) => ({ id, token: tokenizer.decode([id]) });
  return c.json({
    id: newId("attr"),
    object: "attributions",
    model: body.model,
    system_fingerprint: engine.fingerprint,
    prompt: prompt.map(shown),
    answer: answer.map((id, i) => ({ ...shown(id), score: found.scores.get(i) ?? null })),
    ...(against ? { against: against.map((id, i) => ({ ...shown(id), score: found.againstScores?.[i] ?? null })) } : {}),
    score,
    ...(units ? { units: units.map(tokens => ({ tokens, text: tokens.map(i => texts[i]).join("") })) } : {}),
    ...(isIntegrated ? { baseline: body.baseline ?? "mean", steps: found.looks } : {}),
    attributions: found.targets.map(t => shownTarget(t, body, methods, tolerance)),
    timing: { total_ms: Math.round(found.totalMs), longest_run_ms: Math.ceil(found.longestMs), runs: found.runs },
    usage: { prompt_tokens: prompt.length, completion_tokens: answer.length, total_tokens: prompt.length + answer.length },
  });
}
