/**
 * Chat templates (Jinja, as Hugging Face's models carry them): messages to the one text that a model is given. A template is somebody
 * else's program: its size, its steps and its output are bounded, `range` too, and it reaches nothing but what it is given.
 */
import { Environment, parse, tokenize } from "@huggingface/jinja";
import { defined } from "../base/index.ts";
import { BoundedInterpreter, MAX_STEPS, templateError } from "./bounded-interpreter.ts";
import { textErrors } from "./errors.ts";

/** The longest known templates have about 20,000 characters. */
export const MAX_TEMPLATE = 200_000;
/** Numbers that `range` gives. */
const MAX_RANGE = 100_000;

export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [key: string]: unknown;
}

export interface RenderOptions {
  /** Ends with the start of the assistant's turn. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** Tool definitions, as the OpenAI API writes them. */
  readonly tools?: readonly unknown[];
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** The time that `strftime_now` writes; default now. */
  readonly now?: Date;
  /** Further variables that some templates read (`enable_thinking`). */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface ChatTemplate {
  readonly source: string;
  /** The text of a conversation. Errors: text/template where the template refuses the messages or does too much. */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
}

/**
 * The template of Loam's own models: every turn is its role's token, the text and the end token (`defaultSpecialTokens`). Encode with
 * `encodeChat`, so that no message can write one of them.
 */
export const defaultChatTemplate = `{%- for message in messages -%}
{%- if message.role not in ["system", "user", "assistant"] -%}
{{- raise_exception("expected the role system, user or assistant, got " + message.role) -}}
{%- endif -%}
{{- "<|" + message.role + "|>" + message.content + "<|end|>" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- "<|assistant|>" -}}
{%- endif -%}`;

const newEnvironment = (): { set(name: string, value: unknown): unknown } => new Environment();
const parseTemplate = (source: string): unknown => parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(step !== 0 && count <= MAX_RANGE))
    throw templateError(`expected a range of at most ${MAX_RANGE} numbers, got range(${from}, ${to}, ${step})`);
  return Array.from({ length: count }, (_, i) => from + i * step);
}

const two = (n: number): string => String(n).padStart(2, "0");
const inEnglish = (date: Date, part: Intl.DateTimeFormatOptions): string => date.toLocaleString("en-US", { timeZone: "UTC", ...part });
/** The parts of a date that templates write, in English and UTC. */
const dateParts: Readonly<Record<string, (date: Date) => string>> = {
  Y: d => String(d.getUTCFullYear()),
  m: d => two(d.getUTCMonth() + 1),
  d: d => two(d.getUTCDate()),
  H: d => two(d.getUTCHours()),
  M: d => two(d.getUTCMinutes()),
  S: d => two(d.getUTCSeconds()),
  B: d => inEnglish(d, { month: "long" }),
  b: d => inEnglish(d, { month: "short" }),
  A: d => inEnglish(d, { weekday: "long" }),
  a: d => inEnglish(d, { weekday: "short" }),
  "%": () => "%",
};

const strftime = (format: string, date: Date): string =>
  format.replace(/%(.)/g, (whole, letter: string) => (Object.hasOwn(dateParts, letter) ? dateParts[letter]!(date) : whole));

/**
 * Today's date under the names that templates read it from where they do not call `strftime_now`: `date_string` (Llama 3.1 and 3.3, which write 26 July 2024
 * without it) and `datetime` (firefunction). As llama.cpp's server sets them; Transformers does not, so training does not.
 */
export const templateDates = (now = new Date()): { readonly date_string: string; readonly datetime: string } => ({
  date_string: strftime("%d %b %Y", now),
  datetime: strftime("%b %d %Y", now),
});

/** A template from its source. `steps`: evaluations of a rendering at most. Errors: text/template where it does not parse, text/tooLong. */
export function chatTemplate(source: string = defaultChatTemplate, { steps = MAX_STEPS }: { readonly steps?: number } = {}): ChatTemplate {
  if (source.length > MAX_TEMPLATE)
    throw textErrors.fail("tooLong", {
      place: "chat template",
      expected: `at most ${MAX_TEMPLATE} characters`,
      received: String(source.length),
    });
  const program = guarded("not a valid template", () => parseTemplate(source));
  return {
    source,
    render: (messages, options = {}) => {
      const environment = newEnvironment();
      const now = options.now ?? new Date();
      const values: Record<string, unknown> = {
        ...options.variables,
        ...{ true: true, True: true, false: false, False: false, none: null, None: null },
        range,
        strftime_now: (format: string) => strftime(format, now),
        raise_exception: (message: string) => {
          throw templateError(String(message));
        },
        messages,
        add_generation_prompt: options.addGenerationPrompt ?? false,
        bos_token: options.bosToken ?? "",
        eos_token: options.eosToken ?? "",
        ...defined({ tools: options.tools }),
      };
      return guarded("cannot be rendered", () => {
        for (const [key, value] of Object.entries(values)) environment.set(key, value);
        return String(new BoundedInterpreter(environment, steps).run(program).value);
      });
    },
  };
}

/** Runs a part of the template engine; its errors, a stack overflow among them, become ours. */
function guarded<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && error.name === "LoamError") throw error;
    throw templateError(`${what}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
