/**
 * C prototypes of the functions Loam calls, by name. A function without a row here cannot be called. Results are `OrtStatus *` unless
 * said otherwise; every object is an opaque pointer. Source: onnxruntime_c_api.h.
 */
import type { apiNames } from "./api-names.ts";

/** Paths are UTF-16 on Windows. */
const path = process.platform === "win32" ? "const char16_t *" : "const char *";

export const apiSignatures = {
  // Status: null is success.
  GetErrorCode: "int (void *status)",
  GetErrorMessage: "const char *(void *status)",
  ReleaseStatus: "void (void *status)",

  // Environment: one a process.
  CreateEnv: "void *(int logLevel, const char *id, _Out_ void **env)",

  // Session options.
  CreateSessionOptions: "void *(_Out_ void **options)",
  ReleaseSessionOptions: "void (void *options)",
  SetSessionExecutionMode: "void *(void *options, int mode)",
  EnableProfiling: `void *(void *options, ${path}prefix)`,
  DisableMemPattern: "void *(void *options)",
  DisableCpuMemArena: "void *(void *options)",
  SetSessionLogSeverityLevel: "void *(void *options, int level)",
  SetSessionGraphOptimizationLevel: "void *(void *options, int level)",
  SetOptimizedModelFilePath: `void *(void *options, ${path}file)`,
  SetIntraOpNumThreads: "void *(void *options, int threads)",
  SetInterOpNumThreads: "void *(void *options, int threads)",
  SetDeterministicCompute: "void *(void *options, bool value)",
  AddFreeDimensionOverrideByName: "void *(void *options, const char *name, int64_t size)",
  AddSessionConfigEntry: "void *(void *options, const char *key, const char *value)",
  SessionOptionsAppendExecutionProvider: "void *(void *options, const char *name, void *keys, void *values, size_t count)",
  SessionOptionsAppendExecutionProvider_CUDA_V2: "void *(void *options, void *cuda)",
  CreateCUDAProviderOptions: "void *(_Out_ void **cuda)",
  ReleaseCUDAProviderOptions: "void (void *cuda)",

  // Operators of our own.
  CreateCustomOpDomain: "void *(const char *domain, _Out_ void **made)",
  CustomOpDomain_Add: "void *(void *domain, void *op)",
  AddCustomOpDomain: "void *(void *options, void *domain)",

  AddInitializer: "void *(void *options, const char *name, void *value)",

  // What kernels made of initializers, for several sessions.
  CreatePrepackedWeightsContainer: "void *(_Out_ void **container)",
  ReleasePrepackedWeightsContainer: "void (void *container)",

  // Sessions.
  CreateSessionFromArray: "void *(void *env, void *model, size_t size, void *options, _Out_ void **session)",
  CreateSessionFromArrayWithPrepackedWeightsContainer:
    "void *(void *env, void *model, size_t size, void *options, void *container, _Out_ void **session)",
  ReleaseSession: "void (void *session)",
  SessionGetInputCount: "void *(void *session, _Out_ size_t *count)",
  SessionGetOutputCount: "void *(void *session, _Out_ size_t *count)",
  SessionGetInputName: "void *(void *session, size_t index, void *allocator, _Out_ void **name)",
  SessionGetOutputName: "void *(void *session, size_t index, void *allocator, _Out_ void **name)",
  SessionGetInputTypeInfo: "void *(void *session, size_t index, _Out_ void **type)",
  SessionGetOutputTypeInfo: "void *(void *session, size_t index, _Out_ void **type)",
  SessionEndProfiling: "void *(void *session, void *allocator, _Out_ void **path)",
  Run: "void *(void *session, void *options, void *inputNames, void *inputs, size_t inputCount, void *outputNames, size_t outputCount, void *outputs)",
  CreateRunOptions: "void *(_Out_ void **options)",
  ReleaseRunOptions: "void (void *options)",
  RunOptionsSetTerminate: "void *(void *options)",
  RunOptionsUnsetTerminate: "void *(void *options)",

  // Types of inputs and outputs.
  CastTypeInfoToTensorInfo: "void *(void *type, _Out_ void **tensor)",
  GetTensorElementType: "void *(void *tensor, _Out_ int *code)",
  GetDimensionsCount: "void *(void *tensor, _Out_ size_t *count)",
  GetDimensions: "void *(void *tensor, void *dimensions, size_t count)",
  GetSymbolicDimensions: "void *(void *tensor, void *names, size_t count)",
  ReleaseTypeInfo: "void (void *type)",

  // Values and memory.
  CreateTensorWithDataAsOrtValue: "void *(void *memory, void *data, size_t size, void *shape, size_t rank, int type, _Out_ void **value)",
  CreateTensorAsOrtValue: "void *(void *allocator, void *shape, size_t rank, int type, _Out_ void **value)",
  GetTensorMutableData: "void *(void *value, _Out_ void **data)",
  ReleaseValue: "void (void *value)",
  CreateCpuMemoryInfo: "void *(int allocator, int kind, _Out_ void **memory)",
  CreateMemoryInfo: "void *(const char *name, int allocator, int device, int kind, _Out_ void **memory)",
  GetAllocatorWithDefaultOptions: "void *(_Out_ void **allocator)",
  AllocatorFree: "void *(void *allocator, void *memory)",
  CreateAllocator: "void *(void *session, void *memory, _Out_ void **allocator)",
  ReleaseAllocator: "void (void *allocator)",
  AllocatorGetStats: "void *(void *allocator, _Out_ void **pairs)",
  GetKeyValuePairs: "void (void *pairs, _Out_ void **keys, _Out_ void **values, _Out_ size_t *count)",
  ReleaseKeyValuePairs: "void (void *pairs)",
  CreateArenaCfgV2: "void *(void *keys, void *values, size_t count, _Out_ void **config)",
  ReleaseArenaCfg: "void (void *config)",
  CreateAndRegisterAllocator: "void *(void *env, void *memory, void *config)",
} as const satisfies Partial<Record<(typeof apiNames)[number], string>>;

export type ApiName = keyof typeof apiSignatures;
