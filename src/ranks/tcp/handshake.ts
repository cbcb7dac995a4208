/**
 * How two ranks come to trust a connection: each proves, with a fresh number of the other's, that it has the run's secret, and both agree on who they are.
 *
 *   connecting -> accepting   "LOAMRNK1", own number, rank, ranks, port   48 + 8 bytes
 *   accepting -> connecting   own number, rank, proof                     32 + 4 + 32
 *   connecting -> accepting   proof                                       32
 *   accepting -> connecting   0, or why not                               1
 *
 * A proof is an HMAC over the role and everything said before it, so one of another connection, role or rank is worth nothing.
 * Source: the challenge and response of RFC 2195; roles as in SIGMA.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { ranksErrors } from "../errors.ts";
import { readExactly } from "./sockets.ts";

const greeting = Buffer.from("LOAMRNK1", "latin1");
const numberBytes = 32;
const proofBytes = 32;
const helloBytes = greeting.length + numberBytes + 12;

export interface Hello {
  readonly rank: number;
  readonly size: number;
  /** Where the connecting rank listens itself. */
  readonly port: number;
}

/** Why an accepting rank refuses one that has the secret. */
const refusals = ["", "size", "rank", "twice"] as const;
export type RankRefusal = (typeof refusals)[number];

const proofOf = (secret: string, role: "accepting" | "connecting", said: readonly Uint8Array[]): Buffer => {
  const mac = createHmac("sha256", secret).update(`loam ranks: ${role}\n`);
  for (const part of said) mac.update(part);
  return mac.digest();
};

const refused = (place: string, expected: string, received: string, hint?: string) =>
  ranksErrors.fail("transport", { place, expected, received, ...(hint === undefined ? {} : { hint }) });

/** Introduces this rank to rank `to`. Errors: `ranks/transport` where either refuses the other; others where the connection ends. */
export async function introduce(socket: Socket, hello: Hello, to: number, secret: string): Promise<void> {
  const first = Buffer.alloc(helloBytes);
  first.set(greeting);
  first.set(randomBytes(numberBytes), greeting.length);
  for (const [i, n] of [hello.rank, hello.size, hello.port].entries()) first.writeUInt32LE(n, greeting.length + numberBytes + 4 * i);
  socket.write(first);
  const answer = await readExactly(socket, numberBytes + 4 + proofBytes);
  const said = answer.subarray(0, numberBytes + 4);
  const place = `rank ${to}`;
  if (!timingSafeEqual(answer.subarray(numberBytes + 4), proofOf(secret, "accepting", [first, said])))
    throw refused(place, "a proof of the run's secret", "another one", "Give all ranks one LOAM_RANKS_SECRET.");
  if (answer.readUInt32LE(numberBytes) !== to) throw refused(place, place, `rank ${answer.readUInt32LE(numberBytes)} at its address`);
  socket.write(proofOf(secret, "connecting", [first, answer]));
  const verdict = refusals[(await readExactly(socket, 1))[0]!];
  if (verdict === "size")
    throw refused(place, "as many ranks as it knows", `${hello.size}`, "Start all ranks with the same number of ranks.");
  if (verdict === "twice") throw refused(place, `one process that is rank ${hello.rank}`, "a second one");
  if (verdict !== "") throw refused(place, "a rank that connects to it", `rank ${hello.rank}`);
}

/** Hears who connects. Rejects where that one has not the secret; `judge` says why one that has it is refused. */
export async function hearIntroduction(
  socket: Socket,
  ownRank: number,
  secret: string,
  judge: (hello: Hello) => RankRefusal,
): Promise<Hello> {
  const first = await readExactly(socket, helloBytes);
  if (!first.subarray(0, greeting.length).equals(greeting)) throw new Error("bytes that are no rank's greeting");
  const own = Buffer.alloc(numberBytes + 4);
  own.set(randomBytes(numberBytes));
  own.writeUInt32LE(ownRank, numberBytes);
  const answer = Buffer.concat([own, proofOf(secret, "accepting", [first, own])]);
  socket.write(answer);
  if (!timingSafeEqual(await readExactly(socket, proofBytes), proofOf(secret, "connecting", [first, answer])))
    throw new Error("a wrong proof of the secret");
  const [rank, size, port] = [0, 1, 2].map(i => first.readUInt32LE(greeting.length + numberBytes + 4 * i)) as [number, number, number];
  const hello = { rank, size, port };
  const refusal = judge(hello);
  socket.write(Buffer.of(refusals.indexOf(refusal)));
  if (refusal !== "") throw new Error(`rank ${rank}: ${refusal}`);
  return hello;
}
