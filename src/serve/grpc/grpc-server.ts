/** The gRPC server: the services of `proto.ts` on a port of their own. Loaded only where it is asked for (`listen-grpc.ts`). */
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Row } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import type { App } from "../http/app.ts";
import { limits } from "../limits.ts";
import { HealthChecks } from "./health.ts";
import { InnerRequests, trailersOf } from "./inner-request.ts";
import type { GrpcListening } from "./listen-grpc.ts";
import { type GrpcMethod, healthMethods, inferenceMethods } from "./messages.ts";
import { refusalOf } from "./refusal-of.ts";
import { InferStream } from "./stream-infer.ts";
import { unaryMethods } from "./unary-methods.ts";

// what is wrong is told to callers, and by the errors of this module
setLogVerbosity(logVerbosity.NONE);

/** Calls get this long to say their last words before their sockets are destroyed. */
const lastWordsMs = 250;

const definitionOf = (methods: readonly GrpcMethod[]): ServiceDefinition => Object.fromEntries(methods.map(m => [m.name, m.definition]));

async function answerUnary(
  app: Pick<App, "fetch">,
  method: GrpcMethod,
  call: ServerUnaryCall<Buffer, Row>,
  callback: sendUnaryData<Row>,
): Promise<void> {
  const left = new AbortController();
  call.on("cancelled", () => left.abort());
  try {
    const { value, response } = await unaryMethods[method.name]!(method.decode(call.request), new InnerRequests(app, call, left.signal));
    callback(null, value, response && trailersOf(response));
  } catch (error) {
    const { code, message, metadata } = refusalOf(error);
    callback({ code, details: message, ...(metadata ? { metadata } : {}) });
  }
}

function inferenceHandlers(app: Pick<App, "fetch">, streams: Set<InferStream>): UntypedServiceImplementation {
  const handlers: UntypedServiceImplementation = {};
  for (const method of inferenceMethods)
    handlers[method.name] =
      method.name === "ModelStreamInfer"
        ? (call: ServerDuplexStream<Buffer, Row>) => void streams.add(new InferStream(app, method, call, stream => streams.delete(stream)))
        : (call: ServerUnaryCall<Buffer, Row>, callback: sendUnaryData<Row>) => void answerUnary(app, method, call, callback);
  return handlers;
}

/** Errors: serve/portInUse. */
export async function openGrpcServer(app: Pick<App, "fetch">, host: string, port: number): Promise<GrpcListening> {
  const server = new Server({
    "grpc.max_receive_message_length": limits.bodyBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.queueSequences,
  });
  const streams = new Set<InferStream>();
  const health = new HealthChecks(app);
  server.addService(definitionOf(inferenceMethods), inferenceHandlers(app, streams));
  server.addService(definitionOf(healthMethods), health.handlers);
  const shown = host.includes(":") ? `[${host}]` : host;
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${shown}:${port}`, ServerCredentials.createInsecure(), (error, taken) => {
      if (!error) resolve(taken);
      else
        reject(
          serveErrors.fail(
            "portInUse",
            {
              place: `gRPC port ${port}`,
              message: `${host}:${port} cannot be used: ${error.message.slice(0, 200)}`,
              hint: "Take another port: --grpc 0 for any free one.",
            },
            error,
          ),
        );
    });
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    health.close();
    for (const stream of streams) stream.close();
    const timer = setTimeout(() => server.forceShutdown(), lastWordsMs);
    await new Promise<void>(resolve => server.tryShutdown(() => resolve()));
    clearTimeout(timer);
  };
  return {
    port: bound,
    address: `${shown}:${bound}`,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
