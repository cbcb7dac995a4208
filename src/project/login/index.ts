/** The login of a server of this machine. */
export { loginLine, openLogin } from "./open-login.ts";
export { type IssuedLogin, issueLogin, runningServers } from "./running-servers.ts";
