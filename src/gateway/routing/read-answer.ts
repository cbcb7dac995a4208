/** An answer of an upstream read to its end, within bounds, and what it asks to wait. */
import type { ReplyHeaders, UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";

/** How long an upstream asks to be left alone; undefined where it says nothing that can be understood. */
export function retryAfterOf(headers: ReplyHeaders, nowMs: number): number | undefined {
  const ms = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (ms >= 0) return ms;
  const text = headers.get("retry-after");
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/** Reads an answer to its end; at once where it has come whole. Errors: UpstreamFailure; tooLarge where it is more than `mostBytes`. */
export function readWhole(reply: UpstreamReply, mostBytes: number): Buffer | Promise<Buffer> {
  const all = reply.arrived?.();
  if (all === undefined) return readPieces(reply, mostBytes);
  if (all.length <= mostBytes) return all;
  throw new UpstreamFailure("tooLarge", `more than ${mostBytes} bytes`);
}

async function readPieces(reply: UpstreamReply, mostBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) {
    if (piece === "waiting") continue;
    size += piece.length;
    if (size > mostBytes) {
      reply.cancel();
      throw new UpstreamFailure("tooLarge", `more than ${mostBytes} bytes`);
    }
    parts.push(piece);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
