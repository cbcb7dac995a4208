/** A request with the key, ready to be pasted. */
export const demoCurl = (url: string, key: string, model: string): string =>
  `curl ${url}/v1/completions -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" -d '${JSON.stringify({ model, prompt: "Dear ", max_tokens: 40 })}'`;
