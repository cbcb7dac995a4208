/**
 * A guard that asks an HTTP server. The question and the answer are JSON (docs/gateway-guards.md); a streamed answer is asked about by windows, none
 * of which leaves before it was allowed. Which addresses are called follows the rules of upstreams.
 */
import { isRow } from "../../../protocols/index.ts";
import { readSecret } from "../../config/secrets.ts";
import { refusedUrl } from "../../upstreams/address.ts";
import { connectTo } from "../../upstreams/call.ts";
import { UpstreamFailure } from "../../upstreams/failure.ts";
import { Stop } from "../../upstreams/stop.ts";
import type { Guard, GuardAsk, GuardStage } from "../contract.ts";
import { GuardFailure } from "../failure.ts";
import { badGuard, type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { type WindowDecision, windowFilter } from "../windows.ts";

/** Of the server's answer: as much as a request may have, and what JSON adds. */
const answerBytes = 64 * 1024 * 1024;
/** Of an answer that is no stream, asked about together. */
const wholeCharacters = 1_000_000;
const whyCharacters = 200;
const connections = 128;

type Answered =
  | { readonly decision: "allow" | "flag" }
  | { readonly decision: "block"; readonly reason: string | undefined }
  | { readonly decision: "rewrite"; readonly texts: readonly string[] };

/** Errors: GuardFailure. */
function answered(text: string, count: number): Answered {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new GuardFailure("its server answered something that is no JSON");
  }
  if (!isRow(value)) throw new GuardFailure("its server answered JSON that is no object");
  const { decision, reason, texts } = value;
  switch (decision) {
    case "allow":
    case "flag":
      return { decision };
    case "block":
      return { decision, reason: typeof reason === "string" && reason !== "" ? reason.slice(0, whyCharacters) : undefined };
    case "rewrite":
      if (Array.isArray(texts) && texts.length === count && texts.every(t => typeof t === "string")) return { decision, texts };
      throw new GuardFailure(`its server rewrites with another number of texts than the ${count} it was given`);
    default:
      throw new GuardFailure("its server's answer has no decision: allow, flag, block or rewrite");
  }
}

/** As windows decide. */
const decisionOf = (got: Answered): WindowDecision => {
  if (got.decision === "rewrite") return { kind: "pass", text: got.texts[0]! };
  return { kind: got.decision === "allow" ? "pass" : got.decision };
};

/** Errors: gateway/config, gateway/secret. */
export async function openWebhook(opening: GuardOpening<GuardPartOf<"webhook">>): Promise<Guard> {
  const { name, place, part, folder } = opening;
  const { network, timeout: timeoutMs, window } = part;
  const refused = refusedUrl(part.url, network);
  if (refused !== undefined) throw badGuard(`${place}.url`, "the address of an HTTP server", `"${part.url}": ${refused}`);
  const url = new URL(part.url);
  const own: Record<string, string> = {};
  for (const [key, value] of Object.entries(part.headers))
    own[key.toLowerCase()] = typeof value === "string" ? value : await readSecret(value, `${place}.headers.${key}`, folder);
  const connection = connectTo({ origin: url.origin, network, connections });

  /** Errors: GuardFailure; it names no address. */
  const ask = async (
    stage: GuardStage,
    { id, identity, model, endpoint }: GuardAsk,
    texts: readonly string[],
    more: object,
  ): Promise<Answered> => {
    const { keyId, subject, teams, organisation } = identity;
    const request = { id, model, endpoint, key: keyId, subject, teams, organisation };
    const stop = new Stop();
    const timer = setTimeout(() => stop.stop(new UpstreamFailure("totalTimeout", `no decision after ${timeoutMs} ms`)), timeoutMs);
    try {
      const reply = await connection.call({
        method: "POST",
        path: url.pathname,
        headers: { ...own, "content-type": "application/json", accept: "application/json", "x-request-id": id },
        body: JSON.stringify({ version: 1, guard: name, stage, request, texts, ...more }),
        deadlines: { connectMs: timeoutMs, firstByteMs: timeoutMs, idleMs: timeoutMs },
        stop,
      });
      if (reply.status !== 200) {
        reply.cancel();
        throw new GuardFailure(`its server answered with status ${reply.status}`);
      }
      const parts: Buffer[] = [];
      let size = 0;
      for (let bytes = await reply.read(); bytes !== undefined; bytes = await reply.read()) {
        if (bytes === "waiting") continue;
        size += bytes.length;
        if (size > answerBytes) {
          reply.cancel();
          throw new GuardFailure("its server's answer is too long");
        }
        parts.push(bytes);
      }
      return answered(Buffer.concat(parts).toString("utf8"), texts.length);
    } catch (error) {
      if (error instanceof GuardFailure) throw error;
      const isLate = error instanceof UpstreamFailure && error.kind.endsWith("Timeout");
      throw new GuardFailure(isLate ? `its server did not decide within ${timeoutMs} ms` : "its server cannot be reached", error);
    } finally {
      clearTimeout(timer);
    }
  };

  return guardOf(opening, {
    open: asked => ({
      before: async ({ texts, fixed }) => {
        if (texts.length + fixed.length === 0) return { kind: "pass" };
        const got = await ask("request", asked, texts, fixed.length === 0 ? {} : { fixed });
        if (got.decision === "block") return { kind: "block", why: got.reason ?? "it was refused" };
        if (got.decision === "rewrite") return { kind: "rewrite", texts: got.texts };
        return { kind: got.decision === "flag" ? "flag" : "pass" };
      },
      filter: (form, isWhole) =>
        windowFilter({
          mostCharacters: isWhole ? wholeCharacters : window,
          failsOpen: part.onFailure === "open",
          decide: async (text, more) => decisionOf(await ask("answer", asked, [text], { form, ...more })),
        }),
    }),
    close: () => connection.close(),
  });
}
