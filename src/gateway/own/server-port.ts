/**
 * The server behind the gateway as it is asked: by a function of this process that routes a request, resolves its model, and calls back before it does
 * anything. What a request is for is said by the router that serves it; the gateway keeps no table of that server's addresses.
 */
import type { Endpoint } from "../endpoints.ts";

export interface NamedModel {
  readonly model: string;
  readonly label: string | null;
}

/** What the server would do. */
export interface RoutedRequest {
  /** The route's pattern, for the log and the metrics: no part that a client chose. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** A model computes the answer: its input and output count as tokens. */
  readonly asksModel: boolean;
  /** Begins work whose requests come later: the lines of a batch. */
  readonly isDeferred: boolean;
  /** Only told of models, and finds none that it may be told of: answered as for a model that does not exist. */
  readonly isUnknown?: true;
  /** The JSON body as the server has read it; undefined where there is none, or none that it can read. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** How long each answer may be, as the server reads it from the body, and empty where it says nothing; absent where answers have no length. */
  readonly lengths?: readonly unknown[];
  /** That computes the answer, or that the request names; undefined where there is none. */
  readonly model?: string;
  readonly label?: string | null;
  /** Further names of that model: a denial of one of them is a denial of the request. */
  readonly also?: readonly NamedModel[];
}

/** Called before anything is done, once or more. The answer of a request that is refused, undefined where it goes on. */
export interface Authorize {
  (request: RoutedRequest): Promise<Response | undefined>;
  /** Whether whoever asks may be told that a model of this name exists. `also`: its further names. */
  readonly sees?: (use: NamedModel & { readonly also: readonly NamedModel[] }) => boolean;
}

export type OwnServer = (request: Request, authorize: Authorize) => Response | Promise<Response>;
