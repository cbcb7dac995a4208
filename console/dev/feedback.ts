/** Feedback on the fake server: as docs/feedback.md has it, kept as long as it runs. */

interface Given {
  readonly request_id?: unknown;
  readonly source?: unknown;
  readonly score?: unknown;
}

/** `isKept`: false is a server that keeps none. */
export function fakeFeedback(isKept: boolean) {
  const known = new Set<string>();
  const kept = new Map<string, number>();
  return {
    /** A request's id, as the header of its response names it. */
    request(): string {
      const id = `req-${String(known.size + 1).padStart(8, "0")}`;
      known.add(id);
      return id;
    },
    give({ request_id, source, score }: Given): [body: object, status: number] {
      const refusal = (code: string, message: string) => ({ error: { code, message, type: "invalid_request_error", param: null } });
      if (!isKept)
        return [refusal("unsupported", "server: this server keeps no feedback. Serve a project: feedback is kept in its record."), 501];
      const id = String(request_id);
      if (!known.has(id)) return [refusal("unknown_request", `request_id: expected the id of a request of yours, got "${id}".`), 404];
      const status = kept.has(id) ? 200 : 201;
      kept.set(id, Number(score));
      return [{ object: "feedback", request_id: id, source, model: "mail-small@2", score: Number(score) }, status];
    },
  };
}
