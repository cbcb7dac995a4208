/** What a rank that lies may send: frames, each of which must end the run by a protocol error that names it, before any memory is taken for it. */
import type { RankCall } from "./call.ts";
import { type FrameHeader, frameChunkBytes, frameHeaderBytes, plainHeader, writeHeader } from "./frame.ts";

/** What the honest rank calls meanwhile: allReduce of so many float32. */
export const honestElements = 1_000_000;

const call: RankCall = { operation: "allReduce", type: "Float32Array", elements: honestElements, reduction: "sum" };
const id = { channel: 0, sequence: 0, phase: "parts" } as const;
/** The slice of rank 0 of 2. */
const total = 4 * (honestElements / 2);
const message: FrameHeader = { kind: "message", id, call, total, credits: 0, payloadBytes: 0 };

type Change = (view: DataView) => void;
function frame(header: FrameHeader, { number = 0, change = () => {} }: { number?: number; change?: Change } = {}): Uint8Array {
  const bytes = new Uint8Array(frameHeaderBytes + header.payloadBytes);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, header, number);
  change(view);
  return bytes;
}

const badAbort = Buffer.from("not JSON at all");
const early = (n: number): FrameHeader => ({ ...message, id: { ...id, sequence: n + 1 } });

/** Frames by what is wrong with them. */
export const lies: Readonly<Record<string, readonly Uint8Array[]>> = {
  "bytes of another protocol": [new Uint8Array(Buffer.from("GET / HTTP/1.1\r\n".padEnd(frameHeaderBytes, "x")))],
  "another version": [frame(message, { change: v => v.setUint8(4, 9) })],
  "a kind that is none": [frame(message, { change: v => v.setUint8(5, 77) })],
  "a type that is none": [frame(message, { change: v => v.setUint8(22, 77) })],
  "a payload above a chunk": [frame(message, { change: v => v.setUint32(8, 0x7fff_ffff, true) })],
  "a frame again, or one that is missing": [frame(message, { number: 5 })],
  "a size that is no number": [frame(message, { change: v => v.setFloat64(40, Number.NaN, true) })],
  "a size below zero": [frame(message, { change: v => v.setFloat64(40, -8, true) })],
  "a size above all memory": [frame({ ...message, total: 2 ** 44 })],
  "another size than the call's": [frame({ ...message, total: total + 64 * 1024 })],
  "a long message in a short one's frame": [frame({ ...message, payloadBytes: 8 })],
  "another call": [frame({ ...message, call: { ...call, reduction: "max" } })],
  "the same message twice": [frame(message), frame(message, { number: 1 })],
  "data that was never announced": [frame({ ...message, kind: "body", payloadBytes: frameChunkBytes })],
  "data of a call that is none": [frame({ ...message, kind: "body", id: { ...id, channel: 77 }, payloadBytes: 64 })],
  "a chunk that is too short": [frame(message), frame({ ...message, kind: "body", payloadBytes: 64 }, { number: 1 })],
  "an end without a reason": [frame(plainHeader("abort", badAbort.length)).with(frameHeaderBytes, badAbort[0]!)],
  "calls far ahead of everybody": Array.from({ length: 1100 }, (_, n) => frame(early(n), { number: n })),
};
