/** gRPC's own health checks, of the server and of the inference service: both serve when the server is ready. */
import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from "@grpc/grpc-js";
import type { Row } from "../../protocols/index.ts";
import type { App } from "../http/app.ts";
import { InnerRequests } from "./inner-request.ts";
import { type GrpcMethod, healthMethods, inferenceServiceName } from "./messages.ts";
import { refusalOf } from "./refusal-of.ts";

/** Between looks of a watcher. */
const watchMs = 1_000;

const services: readonly unknown[] = ["", inferenceServiceName, "grpc.health.v1.Health"];

async function servingStatus(requests: InnerRequests): Promise<"SERVING" | "NOT_SERVING"> {
  const response = await requests.ask({ path: "/v2/health/ready" });
  await response.body?.cancel();
  return response.ok ? "SERVING" : "NOT_SERVING";
}

export class HealthChecks {
  readonly #app: Pick<App, "fetch">;
  readonly #watchers = new Set<ServerWritableStream<Buffer, Row>>();

  constructor(app: Pick<App, "fetch">) {
    this.#app = app;
  }

  get handlers() {
    const named = (name: string): GrpcMethod => healthMethods.find(m => m.name === name)!;
    return {
      Check: (call: ServerUnaryCall<Buffer, Row>, callback: sendUnaryData<Row>) => void this.#check(named("Check"), call, callback),
      Watch: (call: ServerWritableStream<Buffer, Row>) => void this.#watch(named("Watch"), call),
    };
  }

  async #check({ decode }: GrpcMethod, call: ServerUnaryCall<Buffer, Row>, callback: sendUnaryData<Row>): Promise<void> {
    try {
      const { service } = decode(call.request);
      if (!services.includes(service)) callback({ code: status.NOT_FOUND, details: "There is no such service." });
      else callback(null, { status: await servingStatus(new InnerRequests(this.#app, call, new AbortController().signal)) });
    } catch (error) {
      const { code, message } = refusalOf(error);
      callback({ code, details: message });
    }
  }

  async #watch({ decode }: GrpcMethod, call: ServerWritableStream<Buffer, Row>): Promise<void> {
    const left = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    this.#watchers.add(call);
    const leave = () => {
      clearTimeout(timer);
      left.abort();
      this.#watchers.delete(call);
    };
    for (const event of ["cancelled", "error", "finish"]) call.on(event, leave);
    const requests = new InnerRequests(this.#app, call, left.signal);
    let before: string | undefined;
    const look = async (service: unknown): Promise<void> => {
      const now = services.includes(service) ? await servingStatus(requests) : "SERVICE_UNKNOWN";
      if (left.signal.aborted) return;
      if (now !== before) call.write({ status: now });
      before = now;
      timer = setTimeout(() => void look(service).catch(fail), watchMs);
      timer.unref();
    };
    const fail = (error: unknown): void => {
      if (left.signal.aborted) return;
      leave();
      const { code, message } = refusalOf(error);
      call.emit("error", { code, details: message });
    };
    try {
      await look(decode(call.request).service);
    } catch (error) {
      fail(error);
    }
  }

  /** Ends what is watched. */
  close(): void {
    for (const call of this.#watchers) call.end();
  }
}
