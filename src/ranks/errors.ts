/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const ranksErrors = errorTable("ranks", {
  argument: { status: 400, exit: "usage", meaning: "A group of ranks, a rank number or an array handed to a collective is out of range." },
  lost: { status: 500, exit: "failure", meaning: "A rank ended or closed its connection in the middle of a run; the sentence names it." },
  stuck: {
    status: 500,
    exit: "failure",
    meaning: "A rank did not join a collective within the timeout; the sentence names it and the collective.",
  },
  protocol: {
    status: 500,
    exit: "failure",
    meaning: "A rank called another collective, sent another size, or sent bytes that are no message of a rank; the sentence names it.",
  },
  disagree: {
    status: 400,
    exit: "usage",
    meaning: "The ranks of a run differ in code, recipe or data; the sentence names the ranks and what differs.",
  },
  transport: {
    status: 400,
    exit: "usage",
    meaning: "A transport between ranks cannot be opened here, or would not be safe: the sentence says why.",
  },
});
