/**
 * XLA's `CompileOptionsProto` as bytes: how many replicas and partitions a program is for, and on which devices they run. Only fields that Loam
 * sets; the numbers are those of xla/pjrt/proto/compile_options.proto and xla_data.proto.
 */
export interface ProgramPlacement {
  /** Copies of the program that take different data. Default: 1. */
  readonly replicas?: number;
  /** Devices that one copy is cut over. Default: 1. */
  readonly partitions?: number;
  /** Ids of devices, replica by replica, for compilation without a client. Default: the client's own choice. */
  readonly devices?: readonly number[];
}

const varint = (n: number): number[] => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))]);
const number = (field: number, n: number): number[] => [...varint(field * 8), ...varint(n)];
const message = (field: number, bytes: readonly number[]): number[] => [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];

const textOf = (text: string): number[] => [...Buffer.from(text)];

/**
 * Field by field: executable_build_options = 3 { num_replicas = 4, num_partitions = 5, use_spmd_partitioning = 6, device_assignment = 9 };
 * env_option_overrides = 7, a map of which one entry says that values are rounded wherever the program says so.
 */
export function encodeCompileOptions({ replicas = 1, partitions = 1, devices }: ProgramPlacement = {}): Uint8Array<ArrayBuffer> {
  // one message for each partition: the devices of its replicas
  const columns = Array.from({ length: partitions }, (_, p) =>
    message(3, message(1, Array.from({ length: replicas }, (_, r) => varint(devices?.[r * partitions + p] ?? 0)).flat())),
  );
  const assignment = [...number(1, replicas), ...number(2, partitions), ...columns.flat()];
  const build = [
    ...number(4, replicas),
    ...number(5, partitions),
    ...(partitions > 1 ? number(6, 1) : []),
    ...(devices ? message(9, assignment) : []),
  ];
  const bytes = [...message(3, build), ...message(7, [...message(1, textOf("xla_allow_excess_precision")), ...message(2, number(2, 0))])];
  const memory = new Uint8Array(new ArrayBuffer(Math.max(8, bytes.length)));
  memory.set(bytes);
  return memory.subarray(0, bytes.length);
}
