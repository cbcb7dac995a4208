/**
 * Messages as plain objects, and back. 64-bit integers are texts of digits, since no number of JavaScript holds all of them; bytes are Buffers. Requests are
 * decoded by the handlers and not by the server, which would answer one that cannot be decoded as an error of its own.
 */
import { type MethodDefinition, status } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { Row } from "../../protocols/index.ts";
import { CallRefusal } from "./call-refusal.ts";
import { checkNumElements } from "./message-bounds.ts";
import { healthProto, inferenceProto } from "./proto.ts";

const root = new protobuf.Root();
for (const text of [inferenceProto, healthProto]) protobuf.parse(text, root, { keepCase: true });
root.resolveAll();

const asObjects: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true, oneofs: true };

export interface GrpcMethod {
  readonly name: string;
  /** Errors: CallRefusal INVALID_ARGUMENT where the bytes are no such message. */
  decode(bytes: Uint8Array): Row;
  readonly definition: MethodDefinition<Buffer, Row>;
}

function methodOf(method: protobuf.Method): GrpcMethod {
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  if (!request || !response || !method.parent) throw new TypeError(`${method.name} has no types`);
  return {
    name: method.name,
    decode: bytes => {
      if (request.name === "ModelInferRequest") checkNumElements(bytes);
      try {
        return request.toObject(request.decode(bytes), asObjects);
      } catch (error) {
        throw new CallRefusal(status.INVALID_ARGUMENT, `message: expected ${request.name}, got bytes that are none.`, error);
      }
    },
    definition: {
      path: `/${method.parent.fullName.slice(1)}/${method.name}`,
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      requestSerialize: bytes => bytes,
      requestDeserialize: bytes => bytes,
      responseSerialize: value => Buffer.from(response.encode(response.fromObject(value)).finish()),
      responseDeserialize: bytes => response.toObject(response.decode(bytes), asObjects),
    },
  };
}

/** The methods of a service by their names. */
const methodsOf = (service: string): readonly GrpcMethod[] => root.lookupService(service).methodsArray.map(methodOf);

export const inferenceMethods = methodsOf("inference.GRPCInferenceService");
export const healthMethods = methodsOf("grpc.health.v1.Health");
export const inferenceServiceName = "inference.GRPCInferenceService";
