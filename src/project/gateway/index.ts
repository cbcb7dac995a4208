/** The gateway of a project: its part of loam.yaml, its state, the gateway before a server. */
export { withConsole } from "./console-session.ts";
export { type OpenMore, openFor } from "./open-control.ts";
export { projectGateway } from "./project-part.ts";
export { logOf, watching } from "./watching.ts";
