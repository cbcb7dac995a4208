/** The list of changes outside of the state: JSON lines, one entry each, oldest first; what is read back can be verified without the state. */
import { isRow } from "../../protocols/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { ChangeEntry } from "../identity/changes.ts";

export const changesText = (entries: readonly ChangeEntry[]): string => entries.map(e => `${JSON.stringify(e)}\n`).join("");

const isChange = (e: unknown): e is Record<string, unknown> & ChangeEntry =>
  isRow(e) &&
  Number.isInteger(e.position) &&
  Number.isInteger(e.atMs) &&
  isRow(e.detail) &&
  [e.by, e.what, e.head].every(x => typeof x === "string");

/** Errors: gateway/body with the line. */
export function changesOf(text: string, place: string): ChangeEntry[] {
  return text
    .split("\n")
    .filter(line => line !== "")
    .map((line, i) => {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        value = undefined;
      }
      if (!isChange(value))
        throw gatewayErrors.fail("body", {
          place: `${place}:${i + 1}`,
          expected: "an entry of the list of changes",
          received: JSON.stringify(line.slice(0, 60)),
        });
      return value;
    });
}
