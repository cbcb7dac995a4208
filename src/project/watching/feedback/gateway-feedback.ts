/** What a gateway tells of responses of other servers, as feedback remembers it: a version where the server says one, and no prediction. */
import type { GatewayFeedback } from "../../../gateway/index.ts";
import type { Feedback } from "./open-feedback.ts";

export const gatewayFeedback = ({ port, ended }: Feedback): GatewayFeedback => ({
  port,
  told: ({ requestId, owner, model, served, status, atMs }) => {
    const version = /^(.+)@(\d{1,9})$/.exec(served ?? "");
    ended({
      requestId,
      owner,
      status,
      atMs,
      model,
      modelName: version?.[1] ?? model,
      modelVersion: version ? Number(version[2]) : null,
      isShadow: false,
      answers: [],
      readings: [],
    });
  },
});
