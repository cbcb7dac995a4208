/** POST /v1/responses. Read beside: OpenAI's SDK (`ResponseCreateParams`), vLLM's `ResponsesRequest`. */
import { always, done, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";
import { samplingRows, serverRows } from "./sampling.ts";
import { templateRows } from "./template.ts";

const { response_format: _, ...sampling } = samplingRows;

export const responsesFields: RequestFields = {
  request: "POST /v1/responses",
  fields: {
    ...sampling,
    ...serverRows,
    model: done("openai"),
    input: done("openai"),
    instructions: done("openai"),
    previous_response_id: done("openai"),
    store: done("openai"),
    stream: done("openai"),
    stream_options: harmless("openai", "Chunks are not padded."),
    max_output_tokens: done("openai"),
    tools: done("openai"),
    tool_choice: done("openai"),
    parallel_tool_calls: done("openai"),
    text: done("openai", {
      format: done("openai"),
      verbosity: harmless("openai", "Models of a provider's own know it; ask for a short answer in words."),
    }),
    metadata: done("openai"),
    n: refused("loam", unless(1), "Send several requests."),
    response_format: refused("loam", notEmpty, "Use text.format."),
    conversation: refused("openai", always, "Name the last response as previous_response_id."),
    background: done("openai"),
    background_options: harmless("openai", "A response is kept as long as there is room."),
    truncation: done("openai"),
    prompt: refused("openai", always, "Send instructions and input."),
    top_logprobs: done("openai"),
    reasoning: done("openai", {
      effort: done("openai"),
      summary: harmless("openai", "The reasoning is given as it is."),
      generate_summary: harmless("openai", "The reasoning is given as it is."),
    }),
    include: done("openai"),
    max_tool_calls: harmless("openai", "It bounds tools of a provider's own, and there are none."),
    context_management: refused("openai", notEmpty, "Shorten the input."),
    access_programs: refused("openai", notEmpty, "Leave it out."),
    timings_per_token: done("llama.cpp"),
    return_progress: done("llama.cpp"),
    image: refused("openai", notEmpty, "Only text is answered."),
    enable_response_messages: done("vllm"),
    previous_input_messages: refused("vllm", notEmpty, "Write them into input."),
    ...templateRows,
  },
};
