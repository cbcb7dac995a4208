/**
 * Adapters that come and go while the server runs: vLLM's `/v1/load_lora_adapter` and `/v1/unload_lora_adapter`, with its words and its plain
 * answers, and a list. Restricted as everything that loads (`access.ts`), and only folders below the one that the server was given are read.
 */
import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { isLoamError } from "../../base/index.ts";
import { type Adapter, folderFiles, readAdapter } from "../../nn/index.ts";
import { baseOf } from "../adapters/adapted-engine.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { restricted } from "./access.ts";
import { type Contract, get, post } from "./contract.ts";
import { type AppContext, bodyOf, type Services } from "./exchange.ts";
import { parseBody } from "./parse.ts";

const text = z.string().min(1).max(1024);

/** The folder that a request means, which lies below the server's, links followed. Errors: serve/adapter. */
async function folderOf(asked: string, { adapterFolder }: Services): Promise<string> {
  const fail = (expected: string, hint: string) =>
    serveErrors.fail("adapter", { place: "lora_path", expected, received: JSON.stringify(asked.slice(0, 200)), hint });
  if (adapterFolder === undefined)
    throw fail(
      "a server that reads adapters on request",
      "Start it with --adapter-folder FOLDER, or name them at the start: --adapter NAME=FOLDER.",
    );
  const root = await realpath(adapterFolder).catch(() => undefined);
  // what lies elsewhere is not told apart from what is not there
  const folder = root === undefined ? undefined : await realpath(resolve(root, asked)).catch(() => undefined);
  const below = folder === undefined ? ".." : relative(root!, folder);
  if (below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below))
    throw fail("a folder below the server's --adapter-folder", "The path is absolute, or counts from that folder.");
  return folder!;
}

/** The model that an adapter is for: the one that is named, or the only one. Errors: serve/missing, serve/unknownModel. */
function parentOf({ engines }: Services, asked: string | null | undefined): Engine {
  if (asked != null) return baseOf(engines.find(asked));
  const all = engines.models().filter(m => "room" in m);
  if (all.length === 1) return baseOf(engines.find(all[0]!.model.id));
  const expected = all.length === 0 ? "a model that continues texts, but none is served" : `one of ${all.map(e => e.model.id).join(", ")}`;
  throw serveErrors.fail("missing", { place: "base_model_name", expected, received: "none" });
}

/** Whatever is wrong with the files is the request's fault, in one sentence. Errors: serve/adapter. */
async function read(folder: string, name: string, { adapterRoom: room, model }: Engine, isAnyBase: boolean): Promise<Adapter> {
  try {
    return await readAdapter(folderFiles(folder), model.config, {
      ...(room.count > 0 ? { mostRank: room.rank } : {}),
      ...(isAnyBase ? {} : { weights: model.weights }),
    });
  } catch (error) {
    if (!isLoamError(error)) throw error;
    throw serveErrors.fail("adapter", { place: name, message: `it cannot be loaded: ${error.message}` }, error);
  }
}

export const loadAdapterRequest = z.object({
  lora_name: text,
  lora_path: text,
  base_model_name: text.nullish(),
  load_inplace: z.literal(false).nullish(),
});

async function load(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(loadAdapterRequest, await bodyOf(c));
  const base = parentOf(services, body.base_model_name);
  services.engines.adapters.checkName(body.lora_name);
  const adapter = await read(await folderOf(body.lora_path, services), body.lora_name, base, services.adapterAnyBase === true);
  await services.engines.adapters.add(base, body.lora_name, adapter);
  return c.text(`Success: LoRA adapter '${body.lora_name}' added successfully.`);
}

export const unloadAdapterRequest = z.object({ lora_name: text, lora_int_id: z.int().nullish() });

async function unload(c: AppContext, { engines }: Services): Promise<Response> {
  const { lora_name: name } = parseBody(unloadAdapterRequest, await bodyOf(c));
  await engines.adapters.remove(name);
  return c.text(`Success: LoRA adapter '${name}' removed successfully.`);
}

const list = (c: AppContext, { engines }: Services): Response =>
  c.json({
    object: "list",
    data: engines.adapters.list().map(({ name, parent, rank, digest, createdAt }) => ({
      id: name,
      object: "adapter",
      created: Math.floor(createdAt / 1000),
      parent,
      rank,
      digest,
    })),
  });

export const adapterRoutes: Contract = {
  name: "adapters",
  endpoint: "admin",
  routes: [
    get("/v1/admin/adapters", restricted(list)),
    post("/v1/load_lora_adapter", restricted(load)),
    post("/v1/unload_lora_adapter", restricted(unload)),
  ],
};
