/** Door of the PJRT backend. */
export { type CompiledAhead, type CompileTarget, compileAhead, compileEnvironment, parseCompileTarget } from "./ahead-of-time.ts";
export { type PjrtBackendOptions, pjrtBackend, type WantedExecutable } from "./backend.ts";
export { type RecordedProgram, recordingBackend } from "./recording.ts";
