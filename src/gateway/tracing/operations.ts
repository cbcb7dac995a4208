/** What addresses ask for, in the words of OpenTelemetry's GenAI conventions. */
export const tracedOperations: Readonly<Record<string, string>> = {
  "/v1/chat/completions": "chat",
  "/v1/messages": "chat",
  "/v1/responses": "chat",
  "/v1/completions": "text_completion",
  "/v1/embeddings": "embeddings",
};
