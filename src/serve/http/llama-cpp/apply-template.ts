/** POST /apply-template: messages to the text that the model's chat template makes of them. */
import { applyTemplateRequest, requestFields } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { asTemplateReads, turnsOf } from "../chat-messages.ts";
import type { AppContext, Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { templateVariables } from "../prompt.ts";
import { checkedBody } from "../request-fields.ts";
import { nativeDecoder } from "./native-model.ts";

/** Errors: serve/unsupported for a model without a template, serve/parameter for a role, text/template. */
export async function applyTemplate(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(applyTemplateRequest, await checkedBody(c, requestFields.applyTemplate));
  const { model } = nativeDecoder(c, services, body.model);
  if (!model.chatTemplate)
    throw serveErrors.fail("unsupported", {
      place: "model",
      message: `"${model.id}" has no chat template`,
      hint: "Write the prompt yourself, for /completion.",
    });
  const tools = body.tools?.length ? { tools: body.tools } : {};
  const prompt = model.chatTemplate.render(asTemplateReads(model.chatTemplate, turnsOf(body.messages)), {
    addGenerationPrompt: body.add_generation_prompt ?? true,
    ...tools,
    variables: templateVariables(model.chatTemplate, body.chat_template_kwargs, body.tools ?? []),
  });
  return c.json({ prompt });
}
