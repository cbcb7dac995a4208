/** The login of a server of this machine. */
export { loginLine, openLogin } from "./open-login.ts";
