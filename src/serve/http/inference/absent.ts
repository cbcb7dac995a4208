/** Extensions of Triton that are not here: shared memory, and settings of traces and logs. What they are asked is answered as it is, what they are told is refused. */
import { serveErrors } from "../../errors.ts";
import { type ContractRoute, get, post, under } from "../contract.ts";
import type { AppContext } from "../exchange.ts";

const refused =
  (what: string, hint: string) =>
  (c: AppContext): never => {
    throw serveErrors.fail("unsupported", { place: c.req.path.slice(0, 200), message: `${what} is not supported`, hint });
  };

const sharedMemory = ["/v2/systemsharedmemory", "/v2/cudasharedmemory"].flatMap(path => {
  const refuse = refused("shared memory", "Send the tensors as binary data.");
  const nothing = (c: AppContext) => c.json([]);
  return [
    get(`${path}/status`, nothing),
    get(`${path}/region/:region/status`, refuse),
    post(`${path}/region/:region/register`, refuse),
    post(`${path}/region/:region/unregister`, refuse),
    // none are registered
    post(`${path}/unregister`, c => c.json({})),
  ];
});

const noTraces = {
  trace_level: ["OFF"],
  trace_rate: "0",
  trace_count: "0",
  log_frequency: "0",
  trace_file: "",
  trace_mode: "opentelemetry",
};
const noLogs = { log_file: "", log_info: true, log_warning: true, log_error: true, log_verbose_level: 0, log_format: "default" };
const refuseTraces = refused("changing the trace settings", "Start the server with --otlp URL for traces of every request.");
const refuseLogs = refused("changing the log settings", "Start the server with --json for events as lines of JSON.");

export const absentExtensions: readonly ContractRoute[] = under("admin", [
  ...sharedMemory,
  ...["/v2/trace/setting", "/v2/models/:model/trace/setting", "/v2/models/:model/versions/:version/trace/setting"].flatMap(path => [
    get(path, c => c.json(noTraces)),
    post(path, refuseTraces),
  ]),
  get("/v2/logging", c => c.json(noLogs)),
  post("/v2/logging", refuseLogs),
]);
