/** A value of a request that policies may bound. */
export type RequestParameter = number | string | boolean;
/** Of a name that a body has several values of, all of them. */
export type Parameters = Readonly<Record<string, RequestParameter | readonly RequestParameter[]>>;
