/** Door of the PJRT backend. */
export { type PjrtBackendOptions, pjrtBackend } from "./backend.ts";
