/**
 * Argument structures of the PJRT C API: for each function that Loam calls, its fields in order, from which their places follow by C's rules of
 * alignment. Every structure begins with its size and a pointer to extensions. Fields that later versions add come at the end; a block here is
 * larger than any of them and full of zeros, which is what they mean by "not given", so one layout serves every minor version.
 * Source: OpenXLA's pjrt_c_api.h.
 */
import type { pjrtFunctions } from "./function-names.ts";

type PjrtFunction = (typeof pjrtFunctions)[number];
/** `size`: size_t. Pointers are addresses. */
type FieldType = "pointer" | "size" | "int64" | "int32" | "bool";
type Fields = Readonly<Record<string, FieldType>>;
type FieldValue<T extends FieldType> = T extends "bool" ? boolean : T extends "pointer" ? bigint : number;
export type FieldValues<F extends Fields> = { readonly [N in keyof F]: FieldValue<F[N]> };

/** Field by field, behind size and extensions. */
export const structs = {
  Error_Destroy: { error: "pointer" },
  Error_Message: { error: "pointer", message: "pointer", message_size: "size" },
  Error_GetCode: { error: "pointer", code: "int32" },
  Plugin_Initialize: {},
  Plugin_Attributes: { attributes: "pointer", num_attributes: "size" },
  Event_Destroy: { event: "pointer" },
  Event_IsReady: { event: "pointer", is_ready: "bool" },
  Event_Await: { event: "pointer" },
  Client_Create: {
    ...{ create_options: "pointer", num_options: "size", kv_get_callback: "pointer", kv_get_user_arg: "pointer" },
    ...{ kv_put_callback: "pointer", kv_put_user_arg: "pointer", client: "pointer" },
  },
  Client_Destroy: { client: "pointer" },
  Client_PlatformName: { client: "pointer", platform_name: "pointer", platform_name_size: "size" },
  Client_PlatformVersion: { client: "pointer", platform_version: "pointer", platform_version_size: "size" },
  Client_AddressableDevices: { client: "pointer", addressable_devices: "pointer", num_addressable_devices: "size" },
  Client_Compile: {
    ...{ client: "pointer", program: "pointer", compile_options: "pointer", compile_options_size: "size", executable: "pointer" },
  },
  Client_BufferFromHostBuffer: {
    ...{ client: "pointer", data: "pointer", type: "int32", dims: "pointer", num_dims: "size", byte_strides: "pointer" },
    ...{ num_byte_strides: "size", host_buffer_semantics: "int32", device: "pointer", memory: "pointer", device_layout: "pointer" },
    ...{ done_with_host_buffer: "pointer", buffer: "pointer" },
  },
  DeviceDescription_Kind: { device_description: "pointer", device_kind: "pointer", device_kind_size: "size" },
  DeviceDescription_Id: { device_description: "pointer", id: "int32" },
  Device_GetDescription: { device: "pointer", device_description: "pointer" },
  Device_MemoryStats: {
    ...{ device: "pointer", bytes_in_use: "int64", peak_bytes_in_use: "int64", peak_bytes_in_use_is_set: "bool" },
    ...{ num_allocs: "int64", num_allocs_is_set: "bool", largest_alloc_size: "int64", largest_alloc_size_is_set: "bool" },
    ...{ bytes_limit: "int64", bytes_limit_is_set: "bool" },
  },
  Executable_Destroy: { executable: "pointer" },
  Executable_SizeOfGeneratedCodeInBytes: { executable: "pointer", size_in_bytes: "int64" },
  Executable_GetCostAnalysis: { executable: "pointer", num_properties: "size", properties: "pointer" },
  Executable_GetCompiledMemoryStats: {
    ...{ executable: "pointer", generated_code_size: "int64", argument_size: "int64", output_size: "int64", alias_size: "int64" },
    ...{ temp_size: "int64" },
  },
  Executable_Serialize: {
    ...{ executable: "pointer", serialized_bytes: "pointer", serialized_bytes_size: "size", serialized_executable: "pointer" },
    ...{ serialized_executable_deleter: "pointer" },
  },
  Executable_DeserializeAndLoad: {
    ...{ client: "pointer", serialized_executable: "pointer", serialized_executable_size: "size", loaded_executable: "pointer" },
  },
  LoadedExecutable_Destroy: { executable: "pointer" },
  LoadedExecutable_GetExecutable: { loaded_executable: "pointer", executable: "pointer" },
  LoadedExecutable_Execute: {
    ...{ executable: "pointer", options: "pointer", argument_lists: "pointer", num_devices: "size", num_args: "size" },
    ...{ output_lists: "pointer", device_complete_events: "pointer", execute_device: "pointer" },
  },
  Buffer_Destroy: { buffer: "pointer" },
  Buffer_IsDeleted: { buffer: "pointer", is_deleted: "bool" },
  Buffer_OnDeviceSizeInBytes: { buffer: "pointer", on_device_size_in_bytes: "size" },
  Buffer_UnsafePointer: { buffer: "pointer", buffer_pointer: "pointer" },
  Buffer_ToHostBuffer: { src: "pointer", host_layout: "pointer", dst: "pointer", dst_size: "size", event: "pointer" },
  TopologyDescription_Create: {
    ...{ topology_name: "pointer", topology_name_size: "size", create_options: "pointer", num_options: "size", topology: "pointer" },
  },
  TopologyDescription_Destroy: { topology: "pointer" },
  TopologyDescription_PlatformName: { topology: "pointer", platform_name: "pointer", platform_name_size: "size" },
  TopologyDescription_PlatformVersion: { topology: "pointer", platform_version: "pointer", platform_version_size: "size" },
  TopologyDescription_GetDeviceDescriptions: { topology: "pointer", descriptions: "pointer", num_descriptions: "size" },
  Compile: {
    ...{ topology: "pointer", program: "pointer", compile_options: "pointer", compile_options_size: "size", client: "pointer" },
    ...{ executable: "pointer" },
  },
} as const satisfies { readonly [K in PjrtFunction]?: Fields };
export type CalledFunction = keyof typeof structs;

/** Structures that others point to. */
export const pointedStructs = {
  Program: { code: "pointer", code_size: "size", format: "pointer", format_size: "size" },
  ExecuteOptions: {
    ...{ send_callbacks: "pointer", recv_callbacks: "pointer", num_send_ops: "size", num_recv_ops: "size", launch_id: "int32" },
    ...{ non_donatable_input_indices: "pointer", num_non_donatable_input_indices: "size" },
  },
  /** A memory layout of the kind that names dimensions from the fastest to the slowest. */
  TiledLayout: {
    ...{ tiled_size: "size", tiled_extensions: "pointer", minor_to_major: "pointer", minor_to_major_size: "size" },
    ...{ tile_dims: "pointer", tile_dim_sizes: "pointer", num_tiles: "size", type: "int32" },
  },
} as const satisfies Readonly<Record<string, Fields>>;

/** Size and pointer to extensions. */
const headBytes = 16;
/** Larger than any structure of any version so far, and a limit for what a plugin may write into one. */
export const blockBytes = 512;

const widths: { readonly [T in FieldType]: number } = { pointer: 8, size: 8, int64: 8, int32: 4, bool: 1 };

/** Where each field is. */
function placesOf(fields: Fields): ReadonlyMap<string, number> {
  let at = headBytes;
  return new Map(
    Object.entries(fields).map(([name, type]) => {
      at = Math.ceil(at / widths[type]) * widths[type];
      const place = at;
      at += widths[type];
      return [name, place] as const;
    }),
  );
}
const known = new Map<Fields, ReadonlyMap<string, number>>();
function places(fields: Fields): ReadonlyMap<string, number> {
  const found = known.get(fields) ?? placesOf(fields);
  known.set(fields, found);
  return found;
}

/** Writes fields into a block; those that are not given stay zero. */
export function writeFields<F extends Fields>(block: DataView, fields: F, values: Partial<FieldValues<F>>): void {
  block.setBigUint64(0, BigInt(blockBytes), true);
  const at = places(fields);
  for (const [name, value] of Object.entries(values as Record<string, bigint | number | boolean>)) {
    const place = at.get(name)!;
    const type = fields[name]!;
    if (type === "bool") block.setUint8(place, value ? 1 : 0);
    else if (type === "int32") block.setInt32(place, Number(value), true);
    else block.setBigInt64(place, BigInt.asIntN(64, BigInt(value)), true);
  }
}

/** The fields of a block as they are now. */
export function readFields<F extends Fields>(block: DataView, fields: F): FieldValues<F> {
  const at = places(fields);
  const read = (name: string, type: FieldType) => {
    const place = at.get(name)!;
    if (type === "bool") return block.getUint8(place) !== 0;
    if (type === "int32") return block.getInt32(place, true);
    return type === "pointer" ? block.getBigUint64(place, true) : Number(block.getBigInt64(place, true));
  };
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, read(name, type)])) as FieldValues<F>;
}
