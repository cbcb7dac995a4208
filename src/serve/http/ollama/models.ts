/** Lists and details of models in Ollama's form. Nothing here wakes a model; `/api/ps` has those that are in memory alone. */
import { z } from "zod";
import { parentOf } from "../../engines.ts";
import { isDescribed, type ListedMetadata, type ModelMetadata, storageOf } from "../../model-metadata.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { fillFormatOf } from "../fill-in-middle.ts";
import { parseBody } from "../parse.ts";
import { isReasoner } from "../reasoning/marks.ts";
import { formatOf } from "../tools/format.ts";
import { describeOllama, ollamaName } from "./names.ts";

const shortCount = (n: number): string =>
  n >= 1e9 ? `${(n / 1e9).toFixed(1)}B` : n >= 1e6 ? `${(n / 1e6).toFixed(1)}M` : `${(n / 1e3).toFixed(1)}K`;

const detailsOf = (model: ModelMetadata) => ({
  parent_model: parentOf(model) ?? "",
  format: "loam",
  family: model.model.family,
  families: [model.model.family],
  parameter_size: shortCount(model.numParameters),
  quantization_level: storageOf(model).form,
});

const modifiedAt = ({ model }: ListedMetadata, { started }: Services): string => new Date(model.createdAt ?? started * 1000).toISOString();

/** Of a model that nobody has loaded yet only the name is known. */
const entryOf = (model: ListedMetadata, services: Services) => ({
  name: ollamaName(model),
  model: ollamaName(model),
  modified_at: modifiedAt(model, services),
  ...(isDescribed(model)
    ? { size: storageOf(model).sizeBytes, digest: model.model.fingerprint, details: detailsOf(model) }
    : {
        size: 0,
        digest: "",
        details: { parent_model: "", format: "loam", family: "", families: [], parameter_size: "", quantization_level: "" },
      }),
});

export const ollamaTags = (c: AppContext, services: Services): Response =>
  c.json({ models: services.engines.everything().map(m => entryOf(m, services)) });

/** Ollama's for ever is a year far away. */
const never = "9999-12-31T23:59:59Z";

export function ollamaProcesses(c: AppContext, services: Services): Response {
  const versions = services.fleet?.list() ?? [];
  const loaded = services.engines.everything().flatMap(m => (isDescribed(m) && m.state !== "asleep" ? [m] : []));
  return c.json({
    models: loaded.map(m => {
      const expiresAt = versions.find(v => v.id === (parentOf(m) ?? m.model.id))?.expiresAt ?? undefined;
      const size = storageOf(m).sizeBytes + ("room" in m ? m.stats().cacheBytes : 0);
      return {
        ...entryOf(m, services),
        size,
        expires_at: expiresAt === undefined ? never : new Date(expiresAt).toISOString(),
        size_vram: 0,
        context_length: "room" in m ? m.room : m.model.longest,
      };
    }),
  });
}

function capabilitiesOf(model: ModelMetadata): readonly string[] {
  if (!("room" in model)) return ["embedding"];
  const { chatTemplate, tokenizer } = model.model;
  return [
    "completion",
    ...(formatOf(chatTemplate?.source ?? "") ? ["tools"] : []),
    ...(tokenizer && fillFormatOf(tokenizer) ? ["insert"] : []),
    ...(tokenizer && isReasoner(chatTemplate?.source ?? "", tokenizer.specials) ? ["thinking"] : []),
  ];
}

/** `name` is the older word; clients send either. */
const named = z.object({ model: z.string().nullish(), name: z.string().nullish() });
export const ollamaModelName = (body: Readonly<Record<string, unknown>>): string => {
  const { model, name } = parseBody(named, body);
  return model || name || parseBody(z.object({ model: z.string() }), {}).model;
};

export async function ollamaShow(c: AppContext, services: Services): Promise<Response> {
  const model = describeOllama(services.engines, ollamaModelName(await bodyOf(c)));
  const { family, config } = model.model;
  return c.json({
    modelfile: "",
    parameters: "",
    template: "room" in model ? (model.model.chatTemplate?.source ?? "") : "",
    details: detailsOf(model),
    model_info: {
      "general.architecture": family,
      "general.parameter_count": model.numParameters,
      [`${family}.context_length`]: config.context,
      [`${family}.embedding_length`]: config.width,
      [`${family}.block_count`]: config.layers,
    },
    capabilities: capabilitiesOf(model),
    modified_at: modifiedAt(model, services),
  });
}
