/**
 * `loam gateway`: one door to models on any servers that speak OpenAI's API, Loam's own among them. Takes up changes of its file while it runs;
 * stops in order on Ctrl-C and SIGTERM: answers under way are finished.
 */
import { adminsOf, controlPart, type Handover, handoverOf } from "../../gateway/index.ts";
import { gatewayFile, gatewayOf, modelsOfGateway, serveGateway } from "../../project/gateway/index.ts";
import { projectFile, wrongArgument } from "../../project/index.ts";
import { loginLine } from "../../project/login/index.ts";
import { supervised } from "../gateway/supervised.ts";
import { gatewayAt } from "../gateway-place.ts";
import { numberOption, shutdownDelayMs, textOption } from "../options.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";

const counted = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });

async function serve(context: Context, options: Options, handover: Handover | undefined): Promise<void> {
  const { out, signal } = context;
  const port = numberOption(options, "port", "gateway", { least: 0, most: 65_535, whole: true });
  const found = await gatewayOf(gatewayAt(context, options));
  const { path, config } = found;
  const models = modelsOfGateway(config);
  if (options.check === true) {
    out.line(`  ${path} is right: ${counted(models.length, "model")} on ${counted(config.upstreams.size, "upstream")}.`);
    const { principals, issuers } = controlPart.parse(config.access);
    if (issuers.length === 0 && adminsOf(principals).length === 0)
      out.warn("  Nobody in it has the role admin: the start is refused unless the state has somebody who has.");
    out.result({ config: path, models, upstreams: [...config.upstreams.keys()] });
    return;
  }
  if (found.isProjects)
    throw wrongArgument(
      "loam gateway",
      `a ${gatewayFile}`,
      `the part gateway of ${projectFile}, which is the gateway of the project's own server`,
      "`loam serve` starts both.",
    );
  if (options.handover === true && !handover) return supervised(context, config);
  // with --json the log is among the events
  const isEvents = out.json && config.log.to === "stdout";
  const { stdout } = streamsOf(context);
  const wanted = { host: textOption(options, "host"), port, otlp: textOption(options, "otlp"), log: out.json ? undefined : stdout };
  const gateway = await serveGateway(found, wanted, {
    onWarning: text => out.warn(text),
    ...(isEvents ? { onRequest: record => out.event("request", record), onShadow: record => out.event("shadow", record) } : {}),
    onReload: taken => out.event("reload", { taken }),
  });
  const hangUp = () => void gateway.reload();
  process.on("SIGHUP", hangUp);
  try {
    // who reads that it serves may ask for a restart at once
    await handover?.serving();
    out.line(
      `  Gateway on ${gateway.url}   OpenAI API: /v1   ${gateway.hasPage ? "page: /   " : ""}models: ${models.slice(0, 8).join(", ")}${models.length > 8 ? ", ..." : ""}`,
    );
    if (!gateway.hasKeys) out.line("  There is no API key yet: loam gateway keys create NAME --subject USER");
    const loginUrl = gateway.loginUrl();
    if (gateway.hasPage) out.line(loginLine(loginUrl));
    out.event("serving", { url: gateway.url, loginUrl, models });
    await (handover ? Promise.race([aborted(signal), aborted(handover.signal)]) : aborted(signal));
    if (signal.aborted && gateway.inFlight > 0) out.warn(`Stopping: ${gateway.inFlight} under way are finished first. Again to stop now.`);
  } finally {
    process.off("SIGHUP", hangUp);
    const { cutOff } = await gateway.close({ handOver: handover?.signal.aborted === true, delayMs: shutdownDelayMs(options, "gateway") });
    out.line(cutOff > 0 ? `Stopped; ${cutOff} answers were cut off.` : "Stopped.");
    out.event("stopped", { cutOff });
  }
}

export const gateway: VerbRun = async (context, _given, options) => {
  const handover = options.handover === true ? handoverOf() : undefined;
  try {
    await serve(context, options, handover);
  } finally {
    handover?.end();
  }
};
