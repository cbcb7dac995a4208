/** The gateway of a project: its part of loam.yaml, its state, the gateway before a server. */
export { type BehindGateway, behindGateway } from "./behind-gateway.ts";
export { withConsole } from "./console-session.ts";
export { demoCurl, demoRequest } from "./demo-curl.ts";
export { linesLater } from "./lines-later.ts";
export { type OpenMore, openFor } from "./open-control.ts";
export { projectGateway } from "./project-part.ts";
export { logOf, watching } from "./watching.ts";
