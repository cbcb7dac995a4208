/**
 * A guard that lets a chat model judge: a text against a rule, or a response's claims against the documents that came with the request. A response is held
 * until all of it was judged. Without documents nothing is claimed of groundedness: the log says `not checked`.
 */
import type { FilteredPiece, Guard, GuardAskModel, TextFilter } from "../contract.ts";
import { GuardFailure } from "../failure.ts";
import { badGuard, type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { checkedClaims, claimsChat, keepsRule, rubricChat } from "./prompts.ts";

type Part = GuardPartOf<"judge">;
interface Judged {
  readonly isGood: boolean;
  readonly note?: string;
}

/** A response as a whole: nothing of it leaves before `judge` has answered. */
function wholeFilter({ action, onFailure }: Part, judge: (text: string) => Promise<Judged>): TextFilter {
  let held = "";
  return {
    push(text) {
      held += text;
      return { text: "" };
    },
    async end(): Promise<FilteredPiece> {
      const text = held;
      held = "";
      if (text.trim() === "") return { text };
      try {
        const { isGood, note } = await judge(text);
        const noted = note === undefined ? {} : { note };
        if (isGood) return { text, ...noted };
        return action === "block" ? { text: "", isBlocked: true, ...noted } : { text, did: "flag", ...noted };
      } catch (error) {
        if (onFailure !== "open" || !(error instanceof GuardFailure)) throw error;
        return { text, did: "unjudged" };
      }
    },
  };
}

/** Errors: gateway/config for a rubric that is missing, or one that nothing reads. */
export async function openLlmJudge(opening: GuardOpening<Part>): Promise<Guard> {
  const { place, part } = opening;
  const { model, checks, rubric, action, timeout: timeoutMs, maxBytes } = part;
  if ((checks === "rubric") !== (rubric !== undefined))
    throw badGuard(
      `${place}.rubric`,
      checks === "rubric" ? "a rule, for checks: rubric" : "none, for checks: groundedness",
      rubric ?? "none",
    );
  const checkSize = (texts: readonly string[]): void => {
    if (texts.reduce((n, t) => n + Buffer.byteLength(t), 0) > maxBytes)
      throw new GuardFailure(`its texts are larger than ${maxBytes} bytes`);
  };
  const byRule = async (text: string, askModel: GuardAskModel): Promise<Judged> => {
    checkSize([text]);
    return { isGood: keepsRule(await askModel({ endpoint: "chat", body: rubricChat(model, rubric!, text), timeoutMs })) };
  };
  const byDocuments = async (text: string, documents: readonly string[], askModel: GuardAskModel): Promise<Judged> => {
    if (documents.length === 0) return { isGood: part.withoutDocuments === "pass", note: "not checked" };
    checkSize([text, ...documents]);
    const answer = await askModel({ endpoint: "chat", body: claimsChat(model, text, documents), timeoutMs });
    const { claims, unsupported } = checkedClaims(answer, documents.length);
    return { isGood: claims === 0 || unsupported / claims <= part.unsupported, note: `${unsupported} of ${claims} claims unsupported` };
  };
  return guardOf(opening, {
    maxBytes,
    asks: model,
    open: ({ askModel, documents }) => ({
      ...(checks === "rubric"
        ? {
            before: async ({ texts, fixed }) => {
              const { isGood } = await byRule([...texts, ...fixed].join("\n\n"), askModel);
              if (isGood) return { kind: "pass" };
              return action === "flag" ? { kind: "flag" } : { kind: "block", why: "it breaks a rule of this gateway" };
            },
          }
        : {}),
      // arguments of tools are no claims
      filter: form =>
        checks === "groundedness" && form === "json"
          ? undefined
          : wholeFilter(part, text => (checks === "rubric" ? byRule(text, askModel) : byDocuments(text, documents, askModel))),
    }),
  });
}
