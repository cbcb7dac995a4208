/**
 * /v1/feedback: what clients say of responses afterwards. Whoever made a request may label it; for everybody else, administrators too, it does not exist.
 * Kept by whoever fills the port.
 */
import {
  type FeedbackAnswer,
  type FeedbackPort,
  type FeedbackRefusal,
  feedbackBounds,
  feedbackId,
  feedbackRefusal,
  feedbackRequest,
  givenFeedback,
  requestFields,
  unknownRequest,
} from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import { type ContractRoute, del, get, post } from "./contract.ts";
import { type AppContext, requestOwner, type Services } from "./exchange.ts";
import { parseBody } from "./parse.ts";
import { checkedBody } from "./request-fields.ts";

/** Errors: serve/unsupported where nobody keeps feedback. */
function portOf({ feedback }: Services): FeedbackPort {
  if (feedback) return feedback;
  throw serveErrors.fail("unsupported", {
    place: "server",
    message: "this server keeps no feedback",
    hint: "Serve a project: feedback is kept in its record.",
  });
}

const refuse = ({ name, fields }: FeedbackRefusal) => serveErrors.fail(name, fields);

/** Errors: the refusal's. */
function keptOf(answer: FeedbackAnswer) {
  if (answer.kind === "kept") return answer;
  throw refuse(feedbackRefusal(answer));
}

async function give(c: AppContext, services: Services): Promise<Response> {
  const length = Number(c.req.header("content-length") ?? 0);
  if (length > feedbackBounds.bodyBytes)
    throw serveErrors.fail("tooLarge", { place: "body", expected: `at most ${feedbackBounds.bodyBytes} bytes`, received: `${length}` });
  const { comment: _, ...said } = parseBody(feedbackRequest, await checkedBody(c, requestFields.feedback));
  if (said.label == null && said.score == null)
    throw serveErrors.fail("missing", { place: "label", message: "feedback needs a label, a score, or both" });
  const { feedback, isReplaced } = keptOf(await portOf(services).give(requestOwner(c.var.exchange), givenFeedback(said)));
  return c.json(feedback, isReplaced ? 200 : 201);
}

const idOf = (c: AppContext): string => parseBody(feedbackId, c.req.param("id"));

async function list(c: AppContext, services: Services): Promise<Response> {
  const data = await portOf(services).list(requestOwner(c.var.exchange), idOf(c));
  if (!data) throw refuse(unknownRequest("id"));
  return c.json({ object: "list", data });
}

async function remove(c: AppContext, services: Services): Promise<Response> {
  const id = idOf(c);
  const labels = await portOf(services).remove(requestOwner(c.var.exchange), id);
  if (labels === undefined) throw refuse(unknownRequest("id"));
  return c.json({ id, object: "feedback", deleted: true, labels });
}

export const feedback: readonly ContractRoute[] = [
  post("/v1/feedback", give),
  get("/v1/feedback/:id", list),
  del("/v1/feedback/:id", remove),
];
