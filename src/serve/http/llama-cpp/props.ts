/** GET /props and /slots of llama.cpp: what is served, its defaults, and what its sequences are doing. */
import { defined } from "../../../base/index.ts";
import { serveErrors } from "../../errors.ts";
import type { DecoderMetadata, ModelMetadata } from "../../model-metadata.ts";
import { startTokensOf } from "../../served-model.ts";
import { restricted } from "../access.ts";
import type { AppContext, Services } from "../exchange.ts";
import { nativeMetadata } from "./native-model.ts";
import { nativeSampling } from "./samplers.ts";

const tokenText = ({ model }: DecoderMetadata, id: number | undefined): string =>
  id === undefined ? "" : ([...(model.tokenizer?.specials ?? [])].find(([, special]) => special === id)?.[0] ?? "");

const slotsOf = (engine: ModelMetadata): number => ("room" in engine ? engine.stats().slots : 1);

/** Query: `model`, where several are served. Errors: serve/missing, serve/unknownModel. */
export function props(c: AppContext, services: Services): Response {
  const engine = nativeMetadata(services, c.req.query("model"));
  const { model } = engine;
  const decoder = "room" in engine ? engine : undefined;
  const template = decoder?.model.chatTemplate?.source ?? "";
  return c.json({
    default_generation_settings: {
      n_ctx: decoder?.room ?? ("longest" in model ? model.longest : 0),
      params: decoder
        ? {
            ...nativeSampling({}, defined({ sampling: decoder.model.sampling, seed: decoder.model.seed })).settings,
            n_predict: -1,
            max_tokens: -1,
            n_keep: 0,
            n_probs: 0,
            stream: true,
            lora: [],
          }
        : {},
    },
    total_slots: slotsOf(engine),
    model_alias: model.name ?? model.id,
    model_path: decoder?.model.file ?? model.id,
    modalities: { vision: false, audio: false, video: false },
    endpoint_slots: !services.disabled.has("sequences"),
    endpoint_props: false,
    endpoint_metrics: !services.disabled.has("metrics"),
    chat_template: template,
    chat_template_caps: {},
    bos_token: decoder ? tokenText(decoder, startTokensOf(decoder.model)[0]) : "",
    eos_token: decoder ? tokenText(decoder, decoder.model.stopTokens?.[0]) : "",
    build_info: `loam-${services.version}`,
    is_sleeping: engine.state === "asleep",
  });
}

/** POST /props: there is nothing that could be set. Errors: those of `checkAccess`, serve/unsupported. */
export const setProps = restricted(() => {
  throw serveErrors.fail("unsupported", {
    place: "/props",
    message: "properties of the server cannot be changed by a request",
    hint: "Start the server with other options.",
  });
});

/** As many slots are busy as sequences run; which of them, the engine does not say. Query: `model`, `fail_on_no_slot`. Errors: serve/queueFull. */
export function slots(c: AppContext, services: Services): Response {
  const engine = nativeMetadata(services, c.req.query("model"));
  if (!("room" in engine)) return c.json([]);
  const { slots: count, running, isDrafting = false } = engine.stats();
  if (c.req.query("fail_on_no_slot") && running >= count)
    throw serveErrors.fail("notReady", { place: engine.model.id, message: "no sequence is free", hint: "Retry in a moment." });
  return c.json(
    Array.from({ length: count }, (_, id) => ({ id, n_ctx: engine.room, speculative: isDrafting, is_processing: id < running })),
  );
}

/** POST /slots/ID?action=save|restore|erase. Errors: serve/unsupported. */
export function slotAction(c: AppContext): never {
  const action = (c.req.query("action") ?? "").slice(0, 20);
  throw serveErrors.fail("unsupported", {
    place: "action",
    message: `${JSON.stringify(action)} is not supported here: what is computed of prompts is kept, and found by itself`,
    hint: "Send the same beginning again: `cache_n` tells how much of it was found.",
  });
}
