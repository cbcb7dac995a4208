/**
 * `ModelStreamInfer`: requests and responses over one call. Requests are answered side by side, as slots allow, and each response has the id of its request. A
 * decoder's text comes as it is generated, and the last response of a request says so (`triton_final_response`); what is wrong with a request is a response of its
 * own, and the stream goes on.
 */
import { once } from "node:events";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { isRow, type Row, readEvents } from "../../protocols/index.ts";
import type { App } from "../http/app.ts";
import { CallRefusal } from "./call-refusal.ts";
import { inferRequestOf, inferResponse, inferResponseOf } from "./infer-body.ts";
import { InnerRequests } from "./inner-request.ts";
import type { GrpcMethod } from "./messages.ts";
import { refusalOf } from "./refusal-of.ts";

/** Requests of one stream under way; further ones are read when one is answered. */
const mostRequests = 32;

type Call = ServerDuplexStream<Buffer, Row>;

/** A client that asks for it gets an error as the end of the stream. */
const endsOnError = ({ metadata }: Call): boolean => String(metadata.get("triton_grpc_error")[0] ?? "").toLowerCase() === "true";

async function* responsesTo(message: Row, requests: InnerRequests): AsyncGenerator<Row, void, undefined> {
  const request = inferRequestOf(message);
  const response = await requests.answer({ ...request, headers: { ...request.headers, accept: "text/event-stream" } });
  if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
    yield { infer_response: await inferResponse(response, { triton_final_response: true }) };
    return;
  }
  for await (const data of readEvents(response.body)) {
    const event: unknown = JSON.parse(data);
    if (!isRow(event)) continue;
    if (typeof event.error === "string") throw new CallRefusal(status.INTERNAL, event.error);
    yield { infer_response: inferResponseOf(event) };
  }
}

export class InferStream {
  readonly #call: Call;
  readonly #method: GrpcMethod;
  readonly #requests: InnerRequests;
  readonly #left = new AbortController();
  #underWay = 0;
  #hasEnded = false;
  #isClosing = false;
  #isOver = false;

  constructor(app: Pick<App, "fetch">, method: GrpcMethod, call: Call, onOver: (stream: InferStream) => void) {
    this.#call = call;
    this.#method = method;
    this.#requests = new InnerRequests(app, call, this.#left.signal);
    call.on("data", (bytes: Buffer) => void this.#take(bytes));
    call.on("end", () => {
      this.#hasEnded = true;
      this.#endIfDone();
    });
    const leave = () => {
      this.#isOver = true;
      this.#left.abort();
      onOver(this);
    };
    call.on("cancelled", leave);
    call.on("error", leave);
    call.on("finish", () => onOver(this));
  }

  /** No further request is read; ends once those under way are answered. */
  close(): void {
    this.#isClosing = true;
    this.#call.pause();
    this.#endIfDone();
  }

  async #take(bytes: Buffer): Promise<void> {
    if (this.#isOver) return;
    if (++this.#underWay >= mostRequests) this.#call.pause();
    try {
      const message = this.#method.decode(bytes);
      try {
        for await (const response of responsesTo(message, this.#requests)) await this.#write(response);
      } catch (error) {
        await this.#refuse(error, message);
      }
    } catch (error) {
      await this.#refuse(error, {}).catch(() => {});
    }
    this.#underWay--;
    if (!this.#isClosing && this.#call.isPaused()) this.#call.resume();
    this.#endIfDone();
  }

  async #write(response: Row): Promise<void> {
    if (this.#isOver) return;
    // a slow client slows its generations
    if (!this.#call.write(response)) await once(this.#call, "drain", { signal: this.#left.signal }).catch(() => {});
  }

  async #refuse(error: unknown, { id, model_name, model_version }: Row): Promise<void> {
    if (this.#isOver) return;
    const refusal = refusalOf(error);
    if (endsOnError(this.#call)) return this.#fail(refusal);
    await this.#write({ error_message: refusal.message, infer_response: { id, model_name, model_version } });
  }

  #fail({ code, message, metadata }: CallRefusal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#left.abort();
    this.#call.emit("error", { code, details: message, ...(metadata ? { metadata } : {}) });
  }

  #endIfDone(): void {
    if (this.#isOver || this.#underWay > 0) return;
    if (this.#isClosing) this.#fail(new CallRefusal(status.UNAVAILABLE, "The server is shutting down. Send the request to another one."));
    else if (this.#hasEnded) {
      this.#isOver = true;
      this.#call.end();
    }
  }
}
