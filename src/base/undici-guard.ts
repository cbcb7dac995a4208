/**
 * A defect of undici (6 and 7, and the one inside Node, so of `fetch` too): a server that closes its connection ends it while the reader has
 * asked for a pause, after the last byte that has come. undici then asserts that nothing is paused, in a listener of the socket where no caller
 * can catch it, and the process ends (nodejs/undici#5360, mended in 8, which wants Node 22). Every client publishes its new connections on a
 * diagnostics channel; there a listener is put before undici's own that ends the pause first.
 */
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** What is used of undici's parser of HTTP/1.1; its socket holds it under a symbol. */
interface ResponseParser {
  paused: boolean;
  shouldKeepAlive: boolean;
  /** Null once it is freed. */
  readonly ptr: number | null;
  readonly llhttp: { llhttp_resume(ptr: number): void };
  resume(): void;
}

const isParser = (value: unknown): value is ResponseParser => {
  const { paused, resume, llhttp } = (value ?? {}) as Partial<ResponseParser>;
  return typeof paused === "boolean" && typeof resume === "function" && typeof llhttp?.llhttp_resume === "function";
};

function guard(socket: Socket): void {
  const key = Object.getOwnPropertySymbols(socket).find(symbol => symbol.description === "parser");
  if (key === undefined) return;
  const pausedParser = (): ResponseParser | undefined => {
    // reason: a property that undici adds to the socket
    const parser = (socket as unknown as Readonly<Record<symbol, unknown>>)[key];
    return isParser(parser) && parser.paused && parser.ptr !== null ? parser : undefined;
  };
  socket.prependListener("end", () => {
    // what has come goes to the reader, who keeps it; nothing more will
    pausedParser()?.resume();
    const still = pausedParser();
    if (still === undefined || socket.destroyed) return;
    still.llhttp.llhttp_resume(still.ptr!);
    still.paused = false;
  });
  // a broken connection is an error, whatever was announced of its end: undici asks the parser only of one that announced it
  const failed = () => {
    const parser = pausedParser();
    if (parser) parser.shouldKeepAlive = true;
  };
  socket.prependListener("error", failed);
  socket.prependListener("close", failed);
}

let isSubscribed = false;

/** From now on, for every connection of `fetch` and of undici in this process. Called again it does nothing. */
export function guardPausedResponses(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe("undici:client:connected", message => {
    const { socket } = message as { readonly socket?: Socket };
    if (socket) guard(socket);
  });
}
