/** A streamed answer: another target can be asked until its first event has come; after that its end, of whatever kind, is told once. */
import { gatewayErrors } from "../errors.ts";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import { chargedStream, toldOutputTokens } from "../http/charged.ts";
import type { Answer } from "../http/exchange.ts";
import { gatewayBounds } from "../http/limits.ts";
import { asksUsage, shadowCopy } from "../http/request-for.ts";
import { errorEvent, gatewayWireError } from "../http/wire-error.ts";
import type { Attempts } from "../routing/attempts.ts";
import type { ClientAnswer } from "../routing/shadow.ts";
import type { StreamedApi } from "../streams/progress.ts";
import { Relay, type RelayOptions } from "../streams/relay.ts";
import { clientAnswer } from "./client-answer.ts";

type RoutedRequest = AdmittedRequest & { readonly attempts: Attempts };

class ClientStream {
  readonly #x: RoutedRequest;
  readonly #api: StreamedApi;
  readonly #relay: Relay;
  /** The stream is over for who ends requests. */
  readonly #over: () => void;
  #slow: NodeJS.Timeout | undefined;
  /** Until its first event has come, an error is still a status. */
  #isFirst = true;
  /** Of the log: of the answer that the client was given, or 499. */
  #status = 200;
  #why: string | undefined;
  /** Of the copy, where one went: takes how the client's answer ended. */
  #tellCopy: ReturnType<typeof shadowCopy>;
  #ended: ClientAnswer | "broken" | undefined;

  constructor(x: RoutedRequest, over: () => void) {
    this.#x = x;
    this.#over = over;
    const { ask, runtime, exchange, attempts } = x;
    const api = ask.api.streamed!;
    this.#api = api;
    const told = api === "chat" ? toldOutputTokens(x) : undefined;
    this.#relay = new Relay({
      api,
      // an answer that is gone on with has what is left of that
      body: told === undefined ? ask.body : { ...ask.body, max_tokens: told },
      choices: ask.choices,
      dropsUsage: asksUsage(ask),
      heartbeatMs: runtime.config.heartbeatMs,
      eventBytes: gatewayBounds.eventBytes,
      open: async resumption => {
        const source = await attempts.open(resumption);
        exchange.served = attempts.version;
        return source;
      },
      errorEvent: error => errorEvent(api, error, exchange.id),
      onEnd: how => this.#onEnd(how),
    });
  }

  /** Errors: those of `Attempts.open`. */
  async begin(): Promise<ReadableStream<Uint8Array>> {
    const first = await this.#relay.read();
    this.#isFirst = false;
    const { exchange, clock, attempts, routes } = this.#x;
    exchange.firstMs ??= clock.monotonic() - exchange.startMs;
    exchange.target = attempts.target;
    if (routes[0]!.shadow) {
      this.#tellCopy = shadowCopy(this.#x);
      this.#endCopy();
    }
    return this.#body(first);
  }

  #endCopy(): void {
    if (this.#ended !== undefined) this.#tellCopy?.(this.#ended === "broken" ? undefined : this.#ended);
  }

  #onEnd({ error, progress, resumed }: Parameters<RelayOptions["onEnd"]>[0]): void {
    const { exchange, attempts, clock, stop, end } = this.#x;
    clearTimeout(this.#slow);
    this.#over();
    exchange.resumed = resumed;
    exchange.target = attempts.target;
    const hasLeft = stop.reason?.kind === "left";
    // all of a short answer can come with its first byte
    if (error === undefined) exchange.firstMs ??= clock.monotonic() - exchange.startMs;
    const { usage, pieces, first } = progress;
    if (typeof first?.model === "string") exchange.served ??= first.model.slice(0, gatewayBounds.modelCharacters);
    const counted = chargedStream(this.#x, usage, pieces);
    const isWhole = error === undefined && this.#why === undefined && progress.isWhole && !hasLeft;
    const ms = clock.monotonic() - exchange.startMs;
    this.#ended = isWhole ? { text: progress.text, ms, firstMs: exchange.firstMs ?? ms, outputTokens: counted.outputTokens } : "broken";
    this.#endCopy();
    const wire = error === undefined ? undefined : gatewayWireError(error, exchange.id);
    if (error instanceof Error) exchange.detail = error.message;
    if (this.#isFirst && wire) return;
    if (hasLeft) end({ status: 499, error: "gateway/cancelled", usage: counted });
    else end({ status: this.#status, error: this.#why ?? wire?.ours, usage: counted });
  }

  #leave(why: string): void {
    this.#status = 499;
    this.#why = why;
    this.#relay.cancel();
  }

  #body(first: Buffer | undefined): ReadableStream<Uint8Array> {
    const { exchange, hangUp, runtime } = this.#x;
    const { readerMs } = runtime.config;
    let next = first;
    return new ReadableStream<Uint8Array>({
      pull: async controller => {
        clearTimeout(this.#slow);
        try {
          const bytes = next ?? (await this.#relay.read());
          next = undefined;
          if (bytes === undefined) return controller.close();
          controller.enqueue(bytes);
        } catch (error) {
          controller.enqueue(errorEvent(this.#api, error, exchange.id));
          return controller.close();
        }
        this.#slow = setTimeout(() => {
          this.#leave("gateway/slowReader");
          if (hangUp) hangUp();
          else controller.error(gatewayErrors.fail("slowReader", { message: `nothing was taken for ${readerMs} ms` }));
        }, readerMs);
      },
      cancel: () => this.#leave("gateway/cancelled"),
    });
  }
}

/** `over`: called when the stream has ended. Errors: those of `Attempts.open`, before the first event. */
export async function relayStream(x: RoutedRequest, over: () => void): Promise<Answer> {
  const body = await new ClientStream(x, over).begin();
  return clientAnswer(x, 200, body, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    // nginx would otherwise collect the stream
    "x-accel-buffering": "no",
  });
}
