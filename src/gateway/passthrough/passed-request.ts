/** What steps know of a request for an address that is passed through. */
import type { PassedAddress, PassedObjects } from "../owners/passed-objects.ts";
import type { Body } from "./body.ts";
import type { PassThrough } from "./places.ts";
import type { PassedMethod } from "./schema.ts";

export interface PassedRequest {
  readonly url: URL;
  readonly pass: PassThrough;
  readonly method: PassedMethod;
  readonly passed: {
    readonly address: PassedAddress;
    readonly objects: PassedObjects;
    readonly body: Body;
    /** Its requests are judged one by one. */
    readonly isBatch: boolean;
    /** Its body is read before it is sent. */
    readonly isRead: boolean;
  };
}
