/** Texts of what selects, of any shape of record: those whose answers are timed. */
import type { ArtifactReader } from "../../store/index.ts";

/** What a record says: the texts of a prompt, an answer, the turns of a conversation. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) => (["role", "kind", "place", "group"].includes(key) ? [] : textsIn(v)));
}

export const validationTexts = async (artifact: ArtifactReader): Promise<string[]> =>
  (await artifact.read("validation.jsonl"))
    .toString("utf8")
    .split("\n")
    .filter(line => line !== "")
    .map(line => textsIn(JSON.parse(line)).join("\n"));
