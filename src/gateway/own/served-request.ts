/** What steps know of a request for the server behind the gateway. */
export interface ServedRequest {
  readonly served: {
    /** As the server is given it: without credentials, its body decoded, the caller named. */
    readonly request: Request;
    readonly sizeBytes: number;
  };
}
