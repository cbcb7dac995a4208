/** The text extension: `generate` and `generate_stream`, as KServe states it and as Triton's clients send it. */
import { errorBodies, generateRequest, plainEvents, requestFields } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import type { EndEvent } from "../../generation.ts";
import { collectAll, merged } from "../answers.ts";
import { continueTexts } from "../ask-text.ts";
import { type AppContext, askerOf, bodyOf, type Services, streamAnswer } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { optionsOf, timedSignal, tooLate } from "./options.ts";
import { modelIdentity, targeted } from "./target.ts";

/** The extension's default. */
const defaultMaxTokens = 20;

async function startGenerate(c: AppContext, services: Services) {
  const { id, text_input: text, parameters } = parseBody(generateRequest, await checkedBody(c, requestFields.generate));
  const engine = services.engines.find(targeted(c, services).model.id);
  const { max_tokens, ...options } = optionsOf(parameters);
  const details = parameters?.details === true;
  const asker = askerOf(c);
  const timed = timedSignal(parameters?.timeout, asker.signal);
  const { generations } = continueTexts({
    engine,
    texts: [text],
    options,
    maxTokens: max_tokens ?? defaultMaxTokens,
    likelihoods: details ? 0 : undefined,
    ...asker,
    signal: timed.signal,
  });
  const head = { ...modelIdentity(c, engine), ...(id == null ? {} : { id }) };
  const reasonOf = ({ finishReason, stop }: Pick<EndEvent, "finishReason" | "stop">) =>
    finishReason !== "stop" ? "length" : stop === undefined ? "eos_token" : "stop_sequence";
  const logprobs = (tokens: EndEvent["tokens"]) =>
    tokens.flatMap(({ likelihood: l }) =>
      l ? [{ id: l.token, text: engine.model.tokenizer.decode([l.token]), logprob: l.logProbability }] : [],
    );
  const asLate = (error: unknown) => (timed.isLate() ? tooLate(error) : error);
  return { generations, head, reasonOf, logprobs, details, asLate };
}

export async function answerGenerate(c: AppContext, services: Services): Promise<Response> {
  if (parseBody(generateRequest, await bodyOf(c)).parameters?.stream === true)
    throw serveErrors.fail("unsupported", {
      place: "parameters.stream",
      message: "a stream is not what generate answers with",
      hint: "Ask generate_stream.",
    });
  const { generations, head, reasonOf, logprobs, details, asLate } = await startGenerate(c, services);
  const [answer] = await collectAll(generations).catch(error => {
    throw asLate(error);
  });
  const told = details ? { details: { finish_reason: reasonOf(answer!), logprobs: logprobs(answer!.tokens) } } : {};
  return c.json({ ...head, text_output: answer!.text, ...told });
}

export async function streamGenerate(c: AppContext, services: Services): Promise<Response> {
  const { generations, head, reasonOf, logprobs, details, asLate } = await startGenerate(c, services);
  async function* chunks(): AsyncGenerator<unknown, void, undefined> {
    try {
      for await (const { event } of merged(generations)) {
        const reason = event.kind === "end" ? { finish_reason: reasonOf(event) } : {};
        yield { ...head, text_output: event.text, ...(details ? { details: { ...reason, logprobs: logprobs(event.tokens) } } : {}) };
      }
    } catch (error) {
      throw asLate(error);
    }
  }
  return streamAnswer(c, services, generations, chunks(), plainEvents(errorBodies.inference));
}
