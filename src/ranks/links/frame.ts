/**
 * Frames: all that ranks write to each other. A header of 64 bytes, little-endian, and at most one chunk of payload:
 *
 *   0 magic u32   4 version u8   5 kind u8   6 phase u8   7 operation u8   8 payload bytes u32   12 number of the frame u32
 *   16 channel u48   22 type u8   23 reduction u8   24 sequence u32   28 root i32   32 elements f64   40 message bytes f64   48 credits u32
 *
 * Everything is checked here, before memory is taken for it: what does not fit is no frame. Floating-point counts are whole numbers below 2^53.
 */
import { type ArrayTypeName, arrayTypes, type MessageId, phases, type RankCall, rankOperations } from "./call.ts";

export const frameHeaderBytes = 64;
/** Payload of a frame, at most. */
export const frameChunkBytes = 128 * 1024;
/** Messages up to this size travel in their first frame. */
export const inlineBytes = 8192;
/** The largest message: what a number of bytes may say. */
const mostBytes = 2 ** 45;

const magic = 0x6d616f6c;
const version = 1;

/** message: begins one, with its data where it is short; body: its next chunk; credit: chunks that may come; abort: why the run ends; bye: an end in order. */
const frameKinds = ["message", "body", "credit", "abort", "bye"] as const;
type FrameKind = (typeof frameKinds)[number];

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly id: MessageId;
  readonly call: RankCall;
  /** Bytes of the whole message. */
  readonly total: number;
  readonly credits: number;
  readonly payloadBytes: number;
}

const noId: MessageId = { channel: 0, sequence: 0, phase: "parts" };
const noCall: RankCall = { operation: "barrier", elements: 0 };
/** A frame that belongs to no message. */
export const plainHeader = (kind: "abort" | "bye", payloadBytes = 0): FrameHeader => ({
  kind,
  id: noId,
  call: noCall,
  total: 0,
  credits: 0,
  payloadBytes,
});

const reductions = [undefined, "sum", "max"] as const;
const noType = 255;

export function writeHeader(view: DataView, at: number, h: FrameHeader, frameNumber: number): void {
  const { id, call } = h;
  view.setUint32(at, magic, true);
  view.setUint8(at + 4, version);
  view.setUint8(at + 5, frameKinds.indexOf(h.kind));
  view.setUint8(at + 6, phases.indexOf(id.phase));
  view.setUint8(at + 7, rankOperations.indexOf(call.operation));
  view.setUint32(at + 8, h.payloadBytes, true);
  view.setUint32(at + 12, frameNumber, true);
  view.setUint32(at + 16, id.channel % 2 ** 32, true);
  view.setUint16(at + 20, Math.floor(id.channel / 2 ** 32), true);
  view.setUint8(at + 22, call.type === undefined ? noType : arrayTypes.findIndex(t => t.name === call.type));
  view.setUint8(at + 23, reductions.indexOf(call.reduction));
  view.setUint32(at + 24, id.sequence, true);
  view.setInt32(at + 28, call.root ?? -1, true);
  view.setFloat64(at + 32, call.elements, true);
  view.setFloat64(at + 40, h.total, true);
  view.setUint32(at + 48, h.credits, true);
}

/** A header and what is wrong with it, in words, where something is. */
export function readFrameHeader(view: DataView, at: number, frameNumber: number): FrameHeader | string {
  if (view.getUint32(at, true) !== magic) return "bytes that begin no frame";
  if (view.getUint8(at + 4) !== version) return `version ${view.getUint8(at + 4)} of the protocol`;
  const kind = frameKinds[view.getUint8(at + 5)];
  const phase = phases[view.getUint8(at + 6)];
  const operation = rankOperations[view.getUint8(at + 7)];
  const reductionByte = view.getUint8(at + 23);
  const typeByte = view.getUint8(at + 22);
  if (!kind || !phase || !operation || reductionByte >= reductions.length || (typeByte !== noType && !arrayTypes[typeByte]))
    return "a frame of no known kind";
  const payloadBytes = view.getUint32(at + 8, true);
  if (payloadBytes > frameChunkBytes) return `a payload of ${payloadBytes} bytes, above ${frameChunkBytes}`;
  if (view.getUint32(at + 12, true) !== frameNumber)
    return `frame ${view.getUint32(at + 12, true)}, where frame ${frameNumber} is due (lost, repeated or replayed)`;
  const channel = view.getUint32(at + 16, true) + view.getUint16(at + 20, true) * 2 ** 32;
  const root = view.getInt32(at + 28, true);
  const [elements, total] = [view.getFloat64(at + 32, true), view.getFloat64(at + 40, true)];
  const isCount = (n: number) => Number.isInteger(n) && n >= 0 && n <= mostBytes;
  if (!isCount(elements) || !isCount(total)) return "a size that is none";
  const type: ArrayTypeName | undefined = arrayTypes[typeByte]?.name;
  const reduction = reductions[reductionByte];
  const call: RankCall = {
    operation,
    elements,
    ...(type === undefined ? {} : { type }),
    ...(reduction === undefined ? {} : { reduction }),
    ...(root < 0 ? {} : { root }),
  };
  if (kind === "message" && payloadBytes !== (total <= inlineBytes ? total : 0))
    return `${payloadBytes} bytes with a message of ${total} bytes`;
  return {
    kind,
    id: { channel, sequence: view.getUint32(at + 24, true), phase },
    call,
    total,
    credits: view.getUint32(at + 48, true),
    payloadBytes,
  };
}
