import { gatewayErrors } from "../../errors.ts";
import type { Answer } from "../../http/exchange.ts";
import { json } from "../../http/json-answer.ts";
import { listedModel } from "../../http/model-card.ts";
import { visibleModels } from "../../policy/check-allowed.ts";
import { decoded } from "../../transport/decoded.ts";
import type { ReadsWeb } from "../step.ts";

/** The model whose name stands behind `/models/`. Errors: gateway/unknownModel. */
export function showModel({ gateway, config, identity, request }: ReadsWeb<"identity">): Answer {
  const { pathname } = new URL(request.url);
  const name = decoded(pathname.slice(pathname.indexOf("/models/") + "/models/".length));
  const route = config.routes.get(name);
  if (route && visibleModels(gateway.control, config.routes, identity).includes(route.name))
    return json(listedModel(request, gateway.openedMs)(name));
  throw gatewayErrors.fail("unknownModel", {
    place: "model",
    message: `the model ${JSON.stringify(name.slice(0, 256))} does not exist here`,
  });
}
