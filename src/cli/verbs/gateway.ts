/**
 * `loam gateway`: one door to models on any servers that speak OpenAI's API, Loam's own among them. Takes up changes of its file while it runs;
 * stops in order on Ctrl-C and SIGTERM: answers under way are finished.
 */
import { join } from "node:path";
import { readStaticPage } from "../../base/index.ts";
import {
  adminsOf,
  controlPart,
  followConfig,
  Gateway,
  type GatewayListening,
  type Handover,
  handoverOf,
  listenGateway,
  noticeText,
} from "../../gateway/index.ts";
import { logOf, openFor, watching, withConsole } from "../../project/gateway/index.ts";
import { ownPackage, packageFolder, projectFile } from "../../project/index.ts";
import { loginLine, openLogin } from "../../project/login/index.ts";
import { Login } from "../../session/index.ts";
import { cliErrors } from "../errors.ts";
import { gatewayFile, gatewayOf } from "../gateway/open-gateway.ts";
import { supervised } from "../gateway/supervised.ts";
import { numberOption, textOption } from "../options.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });

async function serve(context: Context, options: Options, handover: Handover | undefined): Promise<void> {
  const { out, signal } = context;
  const port = numberOption(options, "port", "gateway", { least: 0, most: 65_535, whole: true });
  const { path, config, isProjects } = await gatewayOf(context, options);
  const models = [...new Set([...config.routes.values()].map(r => r.name))];
  if (options.check === true) {
    out.line(`  ${path} is right: ${models.length} models on ${config.upstreams.size} upstreams.`);
    const { principals, issuers } = controlPart.parse(config.access);
    if (issuers.length === 0 && adminsOf(principals).length === 0)
      out.warn("  Nobody in it has the role admin: the start is refused unless the state has somebody who has.");
    out.result({ config: path, models, upstreams: [...config.upstreams.keys()] });
    return;
  }
  if (isProjects)
    throw cliErrors.fail("usage", {
      place: "loam gateway",
      expected: `a ${gatewayFile}`,
      received: `the part gateway of ${projectFile}, which is the door of the project's own server`,
      hint: "`loam serve` starts both.",
    });
  if (options.handover === true && !handover) return supervised(context, config);
  const control = await openFor(config, text => out.warn(text), { needsAdmin: true });
  const { to } = config.log;
  // with --json the log is among the events
  const log = logOf(config, { stdout: streamsOf(context).stdout, isQuiet: out.json });
  const page = await readStaticPage(join(packageFolder, "console", "dist"));
  const login = new Login({ info: { gateway: true, record: false } });
  let door: Gateway;
  let listening: GatewayListening;
  try {
    door = await Gateway.open({
      config,
      control: withConsole(control, login),
      login,
      ...(await watching(config, textOption(options, "otlp"), text => out.warn(text))),
      version: ownPackage().version,
      ...(page ? { page } : {}),
      onRequest: record => {
        log.write(record);
        if (out.json && to === "stdout") out.event("request", record);
      },
      onShadow: record => {
        log.copy(record);
        if (out.json && to === "stdout") out.event("shadow", record);
      },
      onFailure: (error, id) => out.warn(`loam gateway: request ${id}: ${error instanceof Error ? error.message : String(error)}`),
      onHealth: (upstream, isHealthy) => out.warn(`loam gateway: ${upstream} ${isHealthy ? "is healthy again" : "failed its probe"}`),
      onNotice: notice => {
        const text = noticeText(notice);
        if (text !== undefined) out.warn(`loam gateway: ${text}`);
      },
    });
    listening = await listenGateway(door, {
      host: textOption(options, "host") ?? config.listen.host,
      port: port ?? config.listen.port,
      onTls: error =>
        out.warn(
          error === undefined
            ? "loam gateway: the new certificate was taken up"
            : `loam gateway: the new certificate was not taken up: ${error instanceof Error ? error.message : String(error)}`,
        ),
    });
  } catch (error) {
    await control.close();
    throw error;
  }
  const following = await followConfig({
    path,
    gateway: door,
    onReload: error => {
      if (error === undefined) out.warn(`loam gateway: ${path} was taken up`);
      else out.warn(`loam gateway: ${path} was not taken up: ${error instanceof Error ? error.message : String(error)}`);
      out.event("reload", { taken: error === undefined });
    },
  });
  const closeLogin = await openLogin(login, { folder: config.folder, url: listening.url, warn: text => out.warn(text) });
  const hangUp = () => void following.reload();
  process.on("SIGHUP", hangUp);
  try {
    // who reads that it serves may ask for a restart at once
    await handover?.serving();
    out.line(
      `  Gateway on ${listening.url}   OpenAI API: /v1   ${page ? "page: /   " : ""}models: ${models.slice(0, 8).join(", ")}${models.length > 8 ? ", ..." : ""}`,
    );
    if ((await control.keys.list()).length === 0) out.line("  There is no API key yet: loam gateway keys create NAME --subject USER");
    const loginUrl = login.loginUrl();
    if (page) out.line(loginLine(loginUrl));
    out.event("serving", { url: listening.url, loginUrl, models });
    await (handover ? Promise.race([aborted(signal), aborted(handover.signal)]) : aborted(signal));
    if (signal.aborted && door.inFlight > 0) out.warn(`Stopping: ${door.inFlight} under way are finished first. Again to stop now.`);
  } finally {
    process.off("SIGHUP", hangUp);
    following.stop();
    await closeLogin();
    const { cutOff } = await (handover?.signal.aborted ? listening.handOver() : listening.drain());
    await log.close();
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
