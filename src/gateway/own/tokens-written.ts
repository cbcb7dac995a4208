/**
 * How many tokens an answer in a contract that is not OpenAI's was, as well as can be told without it: what it says itself (`usage`, Ollama's
 * `eval_count`), else a token an event of a stream, else its bytes. For limits, on the safe side.
 */
import { isRow, readUsage } from "../../protocols/index.ts";

/** Bytes of text a token has at least, on average. */
export const bytesPerToken = 3;
/** Of a whole answer so much is read to see what it says of itself. */
const mostRead = 1024 * 1024;

const count = (v: unknown): number | undefined => (typeof v === "number" && Number.isSafeInteger(v) && v >= 0 ? v : undefined);

/** What an answer's object says that it used; undefined where it says nothing. */
function said(text: string): { readonly input: number | undefined; readonly output: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRow(value)) return undefined;
  const usage = readUsage(value.usage);
  if (usage) return { input: usage.inputTokens, output: usage.outputTokens };
  const output = count(value.eval_count);
  return output === undefined ? undefined : { input: count(value.prompt_eval_count), output };
}

export class TokensWritten {
  readonly #isStream: boolean;
  readonly #parts: Buffer[] = [];
  #sizeBytes = 0;
  #lines = 0;
  #lineHasText = false;

  /** `contentType` of the answer. */
  constructor(contentType: string) {
    this.#isStream = /^(application\/x-ndjson|text\/event-stream)\b/i.test(contentType);
  }

  add(piece: Uint8Array): void {
    this.#sizeBytes += piece.length;
    if (this.#isStream)
      for (const byte of piece)
        if (byte !== 10) this.#lineHasText ||= byte !== 13;
        else if (this.#lineHasText) {
          this.#lines++;
          this.#lineHasText = false;
        }
    // of a stream the last lines say what it came to
    if (this.#isStream && this.#parts.length > 8) this.#parts.shift();
    if (this.#isStream || this.#sizeBytes <= mostRead) this.#parts.push(Buffer.from(piece));
  }

  counted(inputTokens: number): { readonly inputTokens: number; readonly outputTokens: number; readonly cachedTokens: number } {
    const text = Buffer.concat(this.#parts).toString();
    const last = this.#isStream ? (text.trimEnd().split("\n").at(-1) ?? "") : text;
    const own = said(last.replace(/^data: ?/, ""));
    const output = own?.output ?? (this.#isStream ? this.#lines : Math.ceil(this.#sizeBytes / bytesPerToken));
    return { inputTokens: own?.input ?? inputTokens, outputTokens: output, cachedTokens: 0 };
  }
}
