/**
 * A bound on the parts of a `ModelInferRequest`, looked at before it is decoded: each element of typed contents becomes a value of its own, and a message of 4 MiB
 * that holds nothing else would take more than a second. Tensors of that size come as raw contents, which are one value each.
 */
import { status } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { CallRefusal } from "./call-refusal.ts";

/** Eight times the texts of the largest request. */
const mostElements = 16_384;

/** Numbers of the fields that lead to typed contents, from the message inwards: `inputs`, `contents`. */
const way: readonly number[] = [5, 5];
/** `bytes_contents`, each of which is a value whatever its length. */
const bytesContents = 8;
const lengthDelimited = 2;

/** Fields and packed elements up to `end`; where there are too many, some number above the bound. Errors: RangeError where the bytes are no message. */
function numElements(reader: protobuf.Reader, end: number, depth: number): number {
  let count = 0;
  while (reader.pos < end && count <= mostElements) {
    const tag = reader.uint32();
    const [field, wire] = [tag >>> 3, tag & 7];
    count++;
    if (wire !== lengthDelimited || (depth < way.length && field !== way[depth]) || field === bytesContents) {
      reader.skipType(wire);
      continue;
    }
    const size = reader.uint32();
    const inner = Math.min(reader.len, reader.pos + size);
    if (depth === way.length) count += size;
    else count += numElements(reader, inner, depth + 1);
    reader.pos = inner;
  }
  return count;
}

/** Errors: CallRefusal INVALID_ARGUMENT. */
export function checkNumElements(bytes: Uint8Array): void {
  let count = 0;
  try {
    count = numElements(protobuf.Reader.create(bytes), bytes.length, 0);
  } catch {
    // decoding says what is wrong
    return;
  }
  if (count > mostElements)
    throw new CallRefusal(
      status.INVALID_ARGUMENT,
      `message: expected at most ${mostElements} fields and elements of typed contents, got more. Send tensors as raw_input_contents.`,
    );
}
