/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const serveErrors = errorTable("serve", {
  missing: { status: 400, exit: "usage", meaning: "A request lacks a parameter that is needed; it is named." },
  type: { status: 400, exit: "usage", meaning: "A parameter of a request has the wrong type; it is named." },
  parameter: { status: 400, exit: "usage", meaning: "A parameter of a request is out of range or contradicts another; it is named." },
  blocklist: { status: 400, exit: "usage", meaning: "`serve.blocked` has a word, a phrase or a pattern that cannot be found." },
  unsupported: {
    status: 400,
    exit: "usage",
    meaning: "A request asks for something that this server does not do; the parameter is named.",
  },
  unknownParameter: {
    status: 400,
    exit: "usage",
    meaning: "A request has a parameter that does not exist, spelt nearly as one that does; both are named.",
  },
  body: { status: 400, exit: "usage", meaning: "A request's body is not JSON in UTF-8, or is nested too deeply." },
  contextLength: { status: 400, exit: "usage", meaning: "Prompt and answer together are longer than the model's context." },
  host: {
    status: 403,
    exit: "usage",
    meaning: "A request names a host that this server does not answer for (protection against DNS rebinding).",
  },
  unknownModel: { status: 404, exit: "usage", meaning: "A request names a model that is not served." },
  unknownVersion: {
    status: 404,
    exit: "usage",
    meaning: "A request names a version of a model that is not served, or that does not exist.",
  },
  unknownLabel: { status: 404, exit: "usage", meaning: "A request names a label that no version of the model has." },
  notLoaded: { status: 409, exit: "usage", meaning: "A label or a weight can be given only to a version that is loaded." },
  guarded: {
    status: 403,
    exit: "usage",
    meaning: "A label is an alias that a release guards: change it with `loam models promote`; the server follows the registry.",
  },
  inUse: { status: 409, exit: "usage", meaning: "A version cannot be unloaded while a label or a weight points at it." },
  load: { status: 500, exit: "failure", meaning: "A version could not be loaded; the sentence says why. What served goes on serving." },
  adapter: {
    status: 400,
    exit: "usage",
    meaning:
      "An adapter cannot be loaded: its name is taken, there is no room for it, or its folder is not among those that may be loaded.",
  },
  unauthenticated: {
    status: 401,
    exit: "usage",
    meaning: "The console, administration and jobs need a session (login URL) or the server's token; a request has neither.",
  },
  apiKey: { status: 401, exit: "usage", meaning: "The server was started with API keys, and the request has none of them." },
  unknownUrl: { status: 404, exit: "usage", meaning: "There is nothing at this address." },
  unknownRecord: { status: 404, exit: "usage", meaning: "The console requested an artifact that does not exist." },
  unknownFile: { status: 404, exit: "usage", meaning: "There is no uploaded file, batch or fine-tuning job of that id." },
  unknownRequest: {
    status: 404,
    exit: "usage",
    meaning: "Feedback names a request that this caller did not make, that has not ended, or that is remembered no more.",
  },
  feedbackRate: { status: 429, exit: "failure", meaning: "A caller gives more feedback than the server takes in a minute." },
  unknownResponse: { status: 404, exit: "usage", meaning: "There is no response of that id, or it is kept no more." },
  disabled: { status: 501, exit: "environment", meaning: "The operator has turned this address off (`--disable-endpoint`)." },
  method: { status: 405, exit: "usage", meaning: "The address exists, but not for this HTTP method." },
  tooLarge: { status: 413, exit: "usage", meaning: "A request's body is larger than the server reads." },
  filesFull: {
    status: 413,
    exit: "usage",
    meaning: "The server keeps as many files of this owner as it takes; some must be deleted first. Other owners have bounds of their own.",
  },
  batchesFull: { status: 429, exit: "failure", meaning: "As many batches of this owner as the server takes are not over yet." },
  mediaType: {
    status: 415,
    exit: "usage",
    meaning: "A request's body is not declared as application/json, or is compressed in another way than gzip or deflate.",
  },
  queueFull: { status: 429, exit: "failure", meaning: "Too many requests are waiting; retry after the time in the Retry-After header." },
  cancelled: { status: 499, exit: "failure", meaning: "The client went away, or the caller cancelled the generation." },
  slowReader: { status: 499, exit: "failure", meaning: "The client stopped reading its stream for too long; its sequence was freed." },
  deadline: {
    status: 504,
    exit: "failure",
    meaning: "An answer was not there in the time that its request set itself, or that a serverless platform allows it.",
  },
  program: {
    status: 500,
    exit: "failure",
    meaning: "The device failed while it computed a step; the requests of that step end with this error.",
  },
  moderation: {
    status: 503,
    exit: "failure",
    meaning: "The classifier of `serve.moderate` failed while a response was written, and `onError` is `refuse`.",
  },
  notReady: { status: 503, exit: "failure", meaning: "The model is still loading or warming up, or its engine has failed." },
  draining: { status: 503, exit: "failure", meaning: "The server is shutting down and takes no new work." },
  model: { status: 400, exit: "usage", meaning: "A model cannot be served: it is no decoder, or its tokenizer is another model's." },
  portInUse: { status: 500, exit: "environment", meaning: "The port is taken by another program, or may not be used." },
});

/** OpenAI's sentence for a context that is full: clients know it by its words. `why`: a clause behind "However,". */
export const contextLength = (room: number, why: string, { place, hint }: { readonly place?: string; readonly hint: string }) =>
  serveErrors.fail("contextLength", {
    place,
    message: `This model's maximum context length is ${room} tokens. However, ${why}.`,
    hint,
  });
