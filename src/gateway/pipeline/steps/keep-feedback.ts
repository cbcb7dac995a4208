/** What somebody says of a response that came through the gateway; only its owner may, and for everybody else the response does not exist. */
import { expectation, keyPath } from "../../../base/index.ts";
import {
  type FeedbackAnswer,
  type FeedbackPort,
  type FeedbackRefusal,
  feedbackId,
  feedbackRefusal,
  feedbackRequest,
  givenFeedback,
  unknownRequest,
} from "../../../protocols/index.ts";
import { gatewayErrors } from "../../errors.ts";
import { readObject } from "../../http/ask.ts";
import type { Answer } from "../../http/exchange.ts";
import { json } from "../../http/json-answer.ts";
import { ownerOf } from "../../owners/owner.ts";
import { decoded } from "../../transport/decoded.ts";
import type { Adds, ReadsWeb } from "../step.ts";

/** It takes one request of the limits, and no tokens. */
export const demandFeedback = ({ identity, exchange }: ReadsWeb<"identity">): Adds<"subjects" | "demand"> => ({
  subjects: { identity, model: null, ip: exchange.ip },
  demand: { inputTokens: 0, maxOutputTokens: 0, bytes: 0 },
});

const refuse = ({ name, fields }: FeedbackRefusal) => gatewayErrors.fail(name, fields);

/** Errors: the refusal's. */
function keptOf(answer: FeedbackAnswer) {
  if (answer.kind === "kept") return answer;
  throw refuse(feedbackRefusal(answer));
}

const portOf = (port: FeedbackPort | undefined): FeedbackPort => {
  if (port) return port;
  throw new TypeError("feedback: an address without its port");
};

/** Errors: gateway/parameter, unknownRequest, feedbackRate; those of a body. */
export async function giveFeedback({ gateway, identity, request }: ReadsWeb<"identity">): Promise<Answer> {
  const { body } = await readObject(request);
  const parsed = feedbackRequest.safeParse(body, { error: expectation });
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw gatewayErrors.fail("parameter", { place: keyPath(path), message });
  }
  const { comment, ...said } = parsed.data;
  if (said.label == null && said.score == null)
    throw gatewayErrors.fail("parameter", { place: "label", message: "feedback needs a label, a score, or both" });
  const { feedback, isReplaced } = keptOf(await portOf(gateway.feedback).give(ownerOf(identity), givenFeedback(said)));
  const answer = json(feedback, isReplaced ? 200 : 201);
  return comment == null ? answer : { ...answer, headers: { ...answer.headers, "x-loam-ignored": "comment" } };
}

/** The id behind `/feedback/`. Errors: gateway/parameter. */
function idOf(url: string): string {
  const { pathname } = new URL(url);
  const parsed = feedbackId.safeParse(decoded(pathname.slice(pathname.lastIndexOf("/") + 1)));
  if (parsed.success) return parsed.data;
  throw gatewayErrors.fail("parameter", { place: "id", expected: "the id of a response", received: "something else" });
}

export async function listFeedback({ gateway, identity, request }: ReadsWeb<"identity">): Promise<Answer> {
  const data = await portOf(gateway.feedback).list(ownerOf(identity), idOf(request.url));
  if (!data) throw refuse(unknownRequest("id"));
  return json({ object: "list", data });
}

export async function removeFeedback({ gateway, identity, request }: ReadsWeb<"identity">): Promise<Answer> {
  const id = idOf(request.url);
  const labels = await portOf(gateway.feedback).remove(ownerOf(identity), id);
  if (labels === undefined) throw refuse(unknownRequest("id"));
  return json({ id, object: "feedback", deleted: true, labels });
}
