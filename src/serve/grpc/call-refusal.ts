/** What a call is refused with: a status of gRPC and a sentence. HTTP statuses of the inner requests as gRPC's. */
import { type Metadata, status } from "@grpc/grpc-js";

export class CallRefusal extends Error {
  readonly code: status;
  /** Goes out as trailers. */
  readonly metadata: Metadata | undefined;
  constructor(code: status, message: string, cause?: unknown, metadata?: Metadata) {
    super(message, { cause });
    this.code = code;
    this.metadata = metadata;
  }
}

const codes: Readonly<Record<number, status>> = {
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  405: status.UNIMPLEMENTED,
  409: status.FAILED_PRECONDITION,
  413: status.RESOURCE_EXHAUSTED,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  501: status.UNIMPLEMENTED,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/** What else a request says wrongly is INVALID_ARGUMENT, and what else failed INTERNAL. */
export const codeOfStatus = (http: number): status => codes[http] ?? (http < 500 ? status.INVALID_ARGUMENT : status.INTERNAL);
