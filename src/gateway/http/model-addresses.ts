/** The addresses of requests for a model: which API each is, and in whose words it is asked. A new API of OpenAI's is a row of `apis`. */
import type { ChatContract } from "../translate/contract.ts";
import { messages } from "../translate/messages.ts";
import { type Api, apis } from "./apis.ts";

/** What such an address says of its requests. */
export interface ModelFields {
  readonly api: Api;
  readonly contract: ChatContract | undefined;
}

export interface ModelAddress extends ModelFields {
  readonly path: string;
}

const chat = apis[0]!;

export const modelAddresses: readonly ModelAddress[] = [
  ...apis.map(api => ({ path: `/v1${api.path}`, api, contract: undefined })),
  { path: "/v1/messages", api: chat, contract: messages },
];

/** Its requests bound no answer; one of a token is within what any policy lets messages have. */
export const countAddress: ModelAddress = {
  path: "/v1/messages/count_tokens",
  api: chat,
  contract: { ...messages, read: body => messages.read({ ...body, max_tokens: 1, stream: false }) },
};

/** Addresses that the gateway answers itself, which nothing else may be written like. */
export const knownPaths: ReadonlySet<string> = new Set([...modelAddresses, countAddress].map(a => a.path).concat("/v1/models"));
