/**
 * Which of two responses a person prefers: given to the server as feedback of both (`POST /v1/feedback`, docs/feedback.md), where it keeps feedback, and as
 * records of preference data, which `task: preference` is tuned on.
 */
import { call } from "../client.ts";
import { failureOf } from "../failure.ts";
import type { Exchange, Side } from "./exchange.ts";
import type { Message } from "./request.ts";

export interface Preference {
  readonly side: Side;
  /** `kept`: the server has it. Otherwise why it has not. */
  readonly stored: "sending" | "kept" | { readonly problem: string };
}

/** Who gives the feedback, as the server keeps it. */
const source = "playground";

/** A score of 1 for the preferred response, of 0 for the other. Never throws: what went wrong is said. */
export async function sendPreference(turn: readonly Exchange[], side: Side): Promise<Preference["stored"]> {
  try {
    for (const e of turn) {
      if (e.requestId === null) return { problem: "The server names no request ids, so it has no feedback of them." };
      await call("/v1/feedback", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ request_id: e.requestId, source, score: e.side === side }),
      });
    }
    return "kept";
  } catch (error) {
    return { problem: failureOf(error).message };
  }
}

interface PreferenceRecord {
  readonly prompt: string | readonly Message[];
  readonly chosen: string;
  readonly rejected: string;
}

/** Of a turn with both responses. The prompt is the first side's: a conversation may have gone apart before. */
function recordOf(turn: readonly Exchange[], side: Side): PreferenceRecord[] {
  const [chosen, rejected] = [turn.find(e => e.side === side), turn.find(e => e.side !== side)];
  if (!chosen || !rejected || chosen.text === "" || rejected.text === "") return [];
  const { body } = chosen.request;
  return [{ prompt: "messages" in body ? body.messages : body.prompt, chosen: chosen.text, rejected: rejected.text }];
}

/** JSON Lines of `prompt`, `chosen` and `rejected`; empty where nothing is marked. */
export const preferenceLines = (exchanges: readonly Exchange[], preferences: Readonly<Record<number, Preference>>): string =>
  Object.entries(preferences)
    .flatMap(([turn, { side }]) =>
      recordOf(
        exchanges.filter(e => e.turn === Number(turn)),
        side,
      ),
    )
    .map(record => `${JSON.stringify(record)}\n`)
    .join("");
