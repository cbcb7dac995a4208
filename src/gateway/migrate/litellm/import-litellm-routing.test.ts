/** Prices, tags and the strategy cost of LiteLLM's file: taken over, and what was taken over is a right file. */
import { expect, test } from "vitest";
import { parseYaml } from "../../../base/index.ts";
import { checkConfig } from "../../config/read-config.ts";
import { importLitellm } from "./import-litellm.ts";

const text = `
model_list:
  - model_name: chat
    litellm_params: { model: hosted_vllm/llama, api_base: "http://10.0.0.5:8000/v1", tags: [free, default], input_cost_per_token: 0, output_cost_per_token: 0 }
  - model_name: chat
    litellm_params: { model: hosted_vllm/large, api_base: "http://10.0.0.6:8000/v1", tags: [paid, "o d d"] }
    model_info: { input_cost_per_token: 0.0000025, output_cost_per_token: 0.00001, mode: chat }
  - model_name: other
    litellm_params: { model: hosted_vllm/other, api_base: "http://10.0.0.6:8000/v1" }
router_settings: { routing_strategy: cost-based-routing, enable_tag_filtering: true }
`;

test("prices stand for a million tokens, tags become rules, cost where all have a price; the rest is listed", async () => {
  const { config, left } = importLitellm(parseYaml(text, "config.yaml"), "config.yaml");
  const { routes } = await checkConfig(config, "gateway.yaml", ".");
  const chat = routes.get("chat")!;
  expect(chat.strategy).toBe("cost");
  expect(chat.targets.map(t => [t.model, t.tags, t.price?.input, t.price?.output])).toEqual([
    ["llama", ["free", "default"], 0, 0],
    ["large", ["paid"], 2.5, 10],
  ]);
  expect(chat.rules!.map(r => [r.name, r.route.targets.map(t => t.model)])).toEqual([
    ["free", ["llama"]],
    ["paid", ["large"]],
  ]);
  expect(routes.get("other")!.strategy).toBe("weighted");
  expect(left.map(l => l.place)).toEqual([
    "model_list[1].litellm_params.tags",
    "model_list[1].model_info.mode",
    "router_settings.routing_strategy",
    "router_settings.enable_tag_filtering",
  ]);
});
