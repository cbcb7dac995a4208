/** Anthropic's Messages at the gateway, so that its official client works against any server behind it. */
import { chatDialects, type ErrorObject } from "../../protocols/index.ts";
import type { ChatContract } from "./contract.ts";
import { gatewayError, withGatewayErrors } from "./gateway-faults.ts";

const { upstream, read, error, answer, stream } = chatDialects.anthropic;

export const messages: ChatContract = {
  ...upstream,
  answer,
  stream,
  read: body => {
    const { chat, refusal, essential, dropped, reasoned } = withGatewayErrors(() => read(body));
    return {
      chat,
      refusal: refusal && gatewayError(refusal),
      essential: essential && gatewayError(essential),
      dropped,
      reasoned: {
        ...reasoned,
        fields: () => withGatewayErrors(reasoned.fields),
        refusal: reasoned.refusal && gatewayError(reasoned.refusal),
      },
    };
  },
  error: ({ status, body }) => JSON.stringify(error(status, (JSON.parse(body) as { readonly error: ErrorObject }).error.message)),
};
