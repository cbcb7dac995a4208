/**
 * The contract of a step: a function from what it reads of a request to what it adds for the steps after it. A step ends a request early by giving an
 * `EarlyAnswer`, or by throwing an error, which the client is told in its own form. What it did and a later step's failure makes wrong it undoes in
 * `onFailure`; an answer on its way back passes the `onAnswer` of the steps before, the last one first.
 */
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { Answer, End, GatewayExchange } from "../http/exchange.ts";
import type { AnyRequest, HeaderReader } from "../http/node-request.ts";
import type { GatewayPorts } from "../ports.ts";
import type { Peer } from "./client-connection.ts";
import type { PipelineFields } from "./fields.ts";

/** What the first step finds. */
export interface Arrival {
  readonly gateway: GatewayPorts;
  /** As it was when the request came: a reload changes what comes after. */
  readonly config: GatewayConfig;
  readonly request: AnyRequest;
  readonly headers: HeaderReader;
  /** The socket's side, where there is one. */
  readonly peer: Peer | undefined;
  readonly exchange: GatewayExchange;
  /** Told when the answer has ended. A step that must know gives an `end` of its own, which calls this one. */
  readonly end: (end: End) => void;
}

export interface StepHooks {
  readonly onAnswer?: (answer: Answer) => Answer | Promise<Answer>;
  readonly onFailure?: () => void;
}

/** The request is answered with this: later steps are not run. */
export class EarlyAnswer {
  readonly answer: Answer;
  constructor(answer: Answer) {
    this.answer = answer;
  }
}

/** What a step is given: these fields, which earlier steps have added. */
export type Reads<K extends keyof PipelineFields> = Arrival & Pick<PipelineFields, K>;

/** An address whose requests are never read from Node's own objects. */
export type WebArrival = Arrival & { readonly request: Request };
export type ReadsWeb<K extends keyof PipelineFields> = Reads<K> & WebArrival;

/** What a step gives: these fields, an `end` around the one before, and what is done on the way back. */
export type Adds<K extends keyof PipelineFields = never> = Pick<PipelineFields, K> &
  Partial<Pick<Arrival, "end" | "request" | "headers">> &
  StepHooks;
