/** A list's judgement of a request's texts. */
import { defined } from "../../../base/index.ts";
import { findersOf, parsePattern } from "../../../text/index.ts";
import type { FilteredPiece } from "../contract.ts";
import type { GuardJudging, JudgeInput, JudgeSpec, OpenJudge } from "../judge/judge-types.ts";
import { listFilter } from "./filter.ts";

/** Characters between two pauses: below 5 ms, also for patterns that begin everywhere. */
const turnCharacters = 4_096;

export function blocklistJudge(spec: Extract<JudgeSpec, { kind: "blocklist" }>): OpenJudge {
  const { action, mask, words, wholeWords } = spec;
  const finders = findersOf({ words, trees: spec.patterns.map(parsePattern), wholeWords });

  function* through(text: string, own: typeof action): Generator<undefined, FilteredPiece, undefined> {
    const filter = listFilter({ finders, action: own, mask, form: "text" });
    const pieces: FilteredPiece[] = [];
    const take = (piece: FilteredPiece | Promise<FilteredPiece>): boolean => {
      if (!(piece instanceof Promise)) pieces.push(piece);
      return pieces.at(-1)?.isBlocked === true;
    };
    for (let at = 0; at < text.length; at += turnCharacters) {
      if (at > 0) yield;
      if (take(filter.push(text.slice(at, at + turnCharacters)))) return { text: "", isBlocked: true };
    }
    if (take(filter.end())) return { text: "", isBlocked: true };
    const did = pieces.find(p => p.did)?.did;
    return { text: pieces.map(p => p.text).join(""), ...defined({ did }) };
  }
  function* judge({ texts, fixed }: JudgeInput): GuardJudging {
    const out: string[] = [];
    let did: "flag" | "rewrite" | undefined;
    const blocked = (why: string) => ({ verdict: { kind: "block", why } as const, values: [] });
    for (const text of texts) {
      const piece = yield* through(text, action);
      if (piece.isBlocked) return blocked("it has words that may not be sent");
      if (piece.did === "rewrite") did = "rewrite";
      else if (piece.did === "flag") did ??= "flag";
      out.push(piece.text);
      if (text.length > turnCharacters) yield;
    }
    for (const text of fixed) {
      const piece = yield* through(text, action === "flag" ? "flag" : "block");
      if (piece.isBlocked) return blocked("it has words that may not be sent, in a name or split over parts");
      if (piece.did === "flag") did ??= "flag";
    }
    return {
      verdict: did === "rewrite" ? { kind: "rewrite", texts: out } : did === "flag" ? { kind: "flag" } : { kind: "pass" },
      values: [],
    };
  }
  return { judge };
}
