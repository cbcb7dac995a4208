/**
 * Takes examples of requests on a server whose `loam.yaml` asks for them (`watch: samples:`). A text is redacted where it is, in the call that tells of the response:
 * nothing else of it is held, in memory or in the record. Which responses are taken is drawn by the server: no client can choose.
 */
import { defined } from "../../../base/index.ts";
import { nameRecogniser, redactPrivate, shippedNames } from "../../../data/index.ts";
import type { EndedResponse, ResponseObserver } from "../../../serve/index.ts";
import type { Store } from "../../../store/index.ts";
import { isSampledId } from "../../../watch/index.ts";
import type { SampleSettings } from "../../../watch/part.ts";
import { featuresOfResponse } from "../live/index.ts";
import { keepSamples, pruneSamples, type SampledTexts, type TakenSample } from "./sample-record.ts";

/** Private data is looked for in the whole text, before it is cut: of longer texts no example is taken. */
const mostTokens = 4096;
/** Examples a minute and server: redaction takes some milliseconds of processor. */
const mostAMinute = 60;
/** Examples that wait for a record that is away; the oldest are lost beyond it. */
const mostWaiting = 200;
const flushMs = 5_000;
const pruneEveryMs = 3_600_000;
/** Shares are drawn in millionths. */
const drawn = 1_000_000;

type Redact = (text: string) => { readonly text: string; readonly found: number };

function redactor({ names }: SampleSettings): Redact {
  const options = defined({ recogniser: names ? nameRecogniser(shippedNames()) : undefined });
  return given => {
    const { text, counts } = redactPrivate(given, options);
    return { text, found: [...counts.values()].reduce((a, b) => a + b, 0) };
  };
}

const isLowHalf = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
/** Whether a character of two code units would be cut there. */
const isInCharacter = (text: string, at: number): boolean => isLowHalf(text.charCodeAt(at)) && !isLowHalf(text.charCodeAt(at - 1));
/** The first so many code units, or the last ones; one less where half a character would stay. */
const beginningOf = (text: string, most: number): string => text.slice(0, isInCharacter(text, most) ? most - 1 : most);
function endOf(text: string, most: number): string {
  const at = Math.max(0, text.length - most);
  return text.slice(isInCharacter(text, at) ? at + 1 : at);
}

/** Tokens of the first answer or reading; undefined where there is none that a client was given, or it is too long. */
function tokensOf({ answers, readings }: EndedResponse) {
  const [answer, reading] = [answers.find(a => !a.isForced), readings[0]];
  const prompt = reading?.tokens ?? answer?.promptTokens;
  if (!prompt) return undefined;
  const answered = reading ? null : answer!.answerTokens;
  return prompt.length + (answered?.length ?? 0) > mostTokens ? undefined : { prompt, answered, label: reading?.label ?? null };
}

function textsOf(response: EndedResponse, redact: Redact, { characters }: SampleSettings): SampledTexts | undefined {
  const tokens = tokensOf(response);
  if (!tokens) return undefined;
  const prompt = redact(response.decode(tokens.prompt));
  const answer = tokens.answered ? redact(response.decode(tokens.answered)) : undefined;
  const signs = new Set(
    featuresOfResponse(response, true).flatMap(f => Object.entries(f.flags).flatMap(([name, holds]) => (holds ? [name] : []))),
  );
  return {
    endpoint: response.endpoint,
    outcome: response.outcome,
    // what is asked comes last
    prompt: endOf(prompt.text, characters),
    answer: answer ? beginningOf(answer.text, characters) : null,
    label: tokens.label,
    signs: [...signs].sort(),
    redacted: prompt.found + (answer?.found ?? 0),
  };
}

interface Samples extends ResponseObserver {
  /** Writes what was taken. Errors: those of the record; then it is written with the next. */
  flush(): Promise<void>;
}

/** `process` differs from that of every other process. Errors: data/resource where the model of names cannot be read. */
export function openSamples(store: Store, settings: SampleSettings, process: string = crypto.randomUUID().slice(0, 13)): Samples {
  const redact = redactor(settings);
  let waiting: TakenSample[] = [];
  let count = 0;
  let minute = { number: 0, taken: 0 };
  return {
    ended(response) {
      const { model, status, isShadow, owner } = response;
      if (model === null || isShadow || status >= 400) return;
      count++;
      if (!isSampledId(`${process} ${count}`, settings.share * drawn, drawn)) return;
      const atMs = store.clock.now();
      const number = Math.floor(atMs / 60_000);
      if (minute.number !== number) minute = { number, taken: 0 };
      if (minute.taken >= mostAMinute) return;
      const texts = textsOf(response, redact, settings);
      if (!texts) return;
      minute.taken++;
      waiting.push({ model, owner, atMs, name: `${process}-${count}`, texts });
      if (waiting.length > mostWaiting) waiting.shift();
    },
    async flush() {
      if (waiting.length === 0) return;
      const taken = waiting;
      waiting = [];
      try {
        await keepSamples(store, taken, settings);
      } catch (error) {
        waiting = [...taken, ...waiting].slice(-mostWaiting);
        throw error;
      }
    },
  };
}

export interface RunningSamples extends ResponseObserver {
  /** Writes what is left. */
  close(): Promise<void>;
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Examples of a server that runs, written every few seconds, those past their time removed every hour. Where `settings` is false none is taken, and what was kept
 * before goes. Undefined where none is taken; without a way to redact them none is, which is said.
 */
export function runSamples(store: Store, settings: SampleSettings | false, warn: (message: string) => void): RunningSamples | undefined {
  if (store.isReadOnly) return undefined;
  let isFailing = false;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      isFailing = false;
    } catch (error) {
      if (!isFailing) warn(`loam: examples of requests are not kept: ${sentence(error)}`);
      isFailing = true;
    }
  };
  if (settings === false) {
    void attempt(() => pruneSamples(store, false));
    return undefined;
  }
  let samples: Samples;
  try {
    samples = openSamples(store, settings);
  } catch (error) {
    warn(`loam: examples of requests are not kept, since they cannot be redacted: ${sentence(error)}`);
    return undefined;
  }
  const timers = [
    setInterval(() => void attempt(samples.flush), flushMs),
    setInterval(() => void attempt(() => pruneSamples(store, settings)), pruneEveryMs),
  ];
  for (const timer of timers) timer.unref();
  void attempt(() => pruneSamples(store, settings));
  return {
    ended: response => samples.ended(response),
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await attempt(samples.flush);
    },
  };
}
