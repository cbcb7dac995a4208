/**
 * An answer on its way to the client through the guards, whole or event by event: none is read before the last was taken. A stream that a guard
 * ends is ended at its server too.
 */
import { cutEvents } from "../../protocols/index.ts";
import type { Ask } from "../http/ask.ts";
import type { Answer, End } from "../http/exchange.ts";
import type { AnswerFilters } from "./answer-filters.ts";
import { wholeAnswer } from "./answer-whole.ts";
import { choicesRewriter } from "./choices-stream.ts";
import { responsesRewriter } from "./responses-stream.ts";

interface ToFilter {
  readonly ask: Ask;
  readonly filters: AnswerFilters;
  /** A client that takes nothing for so long loses its stream. */
  readonly readerMs: number;
  readonly hangUp: (() => void) | undefined;
  /** Whether each text of the answer is a block of its own that ends before the next. */
  readonly isOrdered: boolean;
  readonly errorEvent: (error: unknown) => Uint8Array;
  /** For the log. */
  readonly wireOf: (error: unknown) => { readonly status: number; readonly ours: string };
}

/** Tells of an answer's end when both have ended: what makes it, and its way through the guards. */
export class GuardedEnd {
  readonly #end: (end: End) => void;
  readonly #filters: AnswerFilters;
  #how: End | undefined;
  #own: Partial<End> | undefined;

  constructor(filters: AnswerFilters, end: (end: End) => void) {
    this.#filters = filters;
    this.#end = end;
  }

  /** The server's part is over. A client that left does not come back for the rest. */
  readonly upstream = (how: End): void => {
    this.#how = how;
    if (this.#own || how.status === 499) this.#tell();
  };

  /** What the client gets is over. */
  guards(own: Partial<End> = {}): void {
    this.#own ??= own;
    if (this.#how) this.#tell();
  }

  #tell(): void {
    this.#filters.ended();
    const end = { ...this.#how!, ...this.#own };
    this.#end(this.#filters.hasBlocked ? { ...end, error: end.error ?? "gateway/blocked" } : end);
  }
}

/** A completion has so many for each of its prompts. */
function choicesOf({ choices, body: { prompt } }: Ask): number {
  return Array.isArray(prompt) ? choices * Math.max(1, prompt.length) : choices;
}

/** Errors of the filters, before anything was given. */
export async function filteredAnswer(given: ToFilter, answer: Answer, end: GuardedEnd): Promise<Answer> {
  const { ask, filters, isOrdered } = given;
  const api = ask.api.streamed;
  const { body } = answer;
  if (api === undefined || body instanceof Uint8Array || answer.status !== 200) {
    end.guards();
    return answer;
  }
  if (typeof body === "string") {
    try {
      const own = await wholeAnswer(api, body, filters);
      end.guards();
      return { ...answer, body: own };
    } catch (error) {
      const { status, ours } = given.wireOf(error);
      end.guards({ status, error: ours });
      throw error;
    }
  }
  const rewriter = api === "responses" ? responsesRewriter(filters) : choicesRewriter({ filters, choices: choicesOf(ask), isOrdered });
  return { ...answer, body: filteredStream(given, body, rewriter, end) };
}

function filteredStream(
  { readerMs, hangUp, errorEvent, wireOf }: ToFilter,
  body: ReadableStream<Uint8Array>,
  rewriter: ReturnType<typeof choicesRewriter>,
  end: GuardedEnd,
): ReadableStream<Uint8Array> {
  const cutter = cutEvents();
  const reader = body.getReader();
  let slow: NodeJS.Timeout | undefined;
  let isOver = false;
  const leave = (error: string): void => {
    isOver = true;
    clearTimeout(slow);
    end.guards({ status: 499, error });
    void reader.cancel().catch(() => {});
  };
  /** Undefined at the end. */
  const next = async (): Promise<readonly Uint8Array[] | undefined> => {
    if (isOver) return undefined;
    const { done, value } = await reader.read();
    if (done) {
      end.guards();
      return undefined;
    }
    const out: Uint8Array[] = [];
    for (const event of cutter.push(Buffer.from(value))) {
      const got = await rewriter.event(event);
      out.push(...got.out);
      if (!got.isOver) continue;
      // the server need not go on
      isOver = true;
      end.guards({ status: 200, error: "gateway/blocked" });
      void reader.cancel().catch(() => {});
      break;
    }
    return out;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(slow);
        let out: readonly Uint8Array[] | undefined = [];
        try {
          while (out !== undefined && out.length === 0) out = await next();
        } catch (error) {
          // what was held back stays so
          isOver = true;
          end.guards({ status: 200, error: wireOf(error).ours });
          void reader.cancel().catch(() => {});
          controller.enqueue(errorEvent(error));
          return controller.close();
        }
        if (out === undefined) return controller.close();
        controller.enqueue(Buffer.concat(out));
        slow = setTimeout(() => {
          leave("gateway/slowReader");
          if (hangUp) hangUp();
          else controller.error(new Error(`nothing was taken for ${readerMs} ms`));
        }, readerMs);
      },
      cancel: () => leave("gateway/cancelled"),
    },
    { highWaterMark: 0 },
  );
}
