/** A Service of Kubernetes whose endpoints an upstream asks in place of its URL, as the file names it. */
export interface ServiceReference {
  readonly service: string;
  /** Default: the namespace of the account. */
  readonly namespace?: string | undefined;
  /** Name or number of the endpoint's port. Default: the only one. */
  readonly port?: string | number | undefined;
}
