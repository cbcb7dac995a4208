/** The Open Inference Protocol over gRPC (KServe, Triton) beside the HTTP server, on a port of its own. */
import type { App } from "../http/app.ts";

export interface GrpcListening {
  readonly port: number;
  /** `127.0.0.1:8001`, as clients take it. */
  readonly address: string;
  /** Ends streams that wait for requests, and then all calls; answers under way are waited for before, by whoever drains the HTTP server. */
  close(): Promise<void>;
}

interface GrpcOptions {
  /** 127.0.0.1 when absent. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Starts listening; the packages for it are loaded here and not before. Errors: serve/portInUse. */
export async function listenGrpc(app: Pick<App, "fetch">, { host = "127.0.0.1", port }: GrpcOptions): Promise<GrpcListening> {
  const { openGrpcServer } = await import("./grpc-server.ts");
  return openGrpcServer(app, host, port);
}
