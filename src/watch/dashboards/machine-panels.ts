/** Panels of what a server runs on: versions, processes, disk, GPUs. */
import type { DashboardTable } from "./panel.ts";

const job = 'job="loam"';

export const machinePanels: DashboardTable["rows"][number] = {
  title: "Versions and machine",
  panels: [
    {
      title: "Versions",
      description: "Model versions and their states.",
      kind: "table",
      unit: "short",
      queries: [{ expr: "loam_model_version_info{$s}", legend: "{{name}}@{{version}} {{state}}" }],
    },
    {
      title: "Loads of versions",
      description: "Versions that were loaded, unloaded or put to sleep, or failed to load.",
      unit: "short",
      queries: [{ expr: "sum by (job, name, change) (increase(loam_model_changes_total{$s}[$w]))", legend: "{{name}} {{change}}" }],
      alerts: [
        {
          name: "LoamModelLoadFailed",
          expr: 'sum by (job, name) (increase(loam_model_changes_total{change="load failed",$s}[15m]))',
          limit: { is: ">", value: 0 },
          forMinutes: 0,
          severity: "ticket",
          summary: "A version of {{ $labels.name }} failed to load",
          description: "The server's log names the reason. Requests go to the version before it.",
          test: {
            series: [
              { series: `loam_model_changes_total{${job},name="mail",change="load failed"}`, kind: "counter", firing: 1, resolved: 0 },
            ],
            labels: { job: "loam", name: "mail" },
          },
        },
      ],
    },
    {
      title: "Servers up",
      description: "1 for each server and gateway that Prometheus reaches.",
      unit: "short",
      queries: [{ expr: "up{$s}", legend: "{{job}} {{instance}}" }],
      alerts: [
        {
          name: "LoamDown",
          query: 0,
          limit: { is: "<", value: 1 },
          forMinutes: 2,
          severity: "page",
          summary: "{{ $labels.instance }} ({{ $labels.job }}) cannot be scraped",
          description: "The process has ended, or its /metrics is not reached.",
          test: {
            series: [{ series: `up{${job},instance="a:8080"}`, kind: "gauge", firing: 0, resolved: 1 }],
            labels: { job: "loam", instance: "a:8080" },
          },
        },
      ],
    },
    {
      title: "Processor and memory",
      description: "Cores in use, and resident memory.",
      unit: "short",
      queries: [
        { expr: "rate(process_cpu_seconds_total{$s}[$w])", legend: "{{instance}} cores" },
        { expr: "process_resident_memory_bytes{$s} / 1073741824", legend: "{{instance}} GiB" },
      ],
    },
    {
      title: "Event loop lag",
      description: "99th percentile of the delay of Node's event loop.",
      unit: "s",
      queries: [{ expr: "nodejs_eventloop_lag_p99_seconds{$s}", legend: "{{instance}}" }],
    },
    {
      title: "Free disk of the artifact store",
      description: "Share of the disk that is free.",
      unit: "percentunit",
      queries: [
        { expr: "loam_store_disk_free_bytes{$s} / loam_store_disk_size_bytes{$s}", legend: "{{instance}} free" },
        { expr: "loam_store_disk_used_bytes{$s} / loam_store_disk_size_bytes{$s}", legend: "{{instance}} used" },
      ],
      alerts: [
        {
          name: "LoamDiskAlmostFull",
          query: 0,
          limit: { is: "<", value: 0.1 },
          forMinutes: 5,
          severity: "ticket",
          summary: "Less than 10 % of the artifact store's disk on {{ $labels.instance }} is free",
          description: "Run loam gc, or give the store another disk.",
          test: {
            series: [
              { series: `loam_store_disk_free_bytes{${job},instance="a:8080"}`, kind: "gauge", firing: 5e9, resolved: 40e9 },
              { series: `loam_store_disk_size_bytes{${job},instance="a:8080"}`, kind: "gauge", firing: 100e9, resolved: 100e9 },
            ],
            labels: { job: "loam", instance: "a:8080" },
          },
        },
        {
          name: "LoamDiskFull",
          query: 0,
          limit: { is: "<", value: 0.02 },
          forMinutes: 2,
          severity: "page",
          summary: "The artifact store's disk on {{ $labels.instance }} is full",
          description: "Training and recording fail. Run loam gc --apply, or free the disk.",
          test: {
            series: [
              { series: `loam_store_disk_free_bytes{${job},instance="a:8080"}`, kind: "gauge", firing: 1e9, resolved: 40e9 },
              { series: `loam_store_disk_size_bytes{${job},instance="a:8080"}`, kind: "gauge", firing: 100e9, resolved: 100e9 },
            ],
            labels: { job: "loam", instance: "a:8080" },
          },
        },
      ],
    },
    {
      title: "GPU",
      description: "Time in which the GPU computed, and its memory in use. No data without a GPU.",
      unit: "percentunit",
      queries: [
        { expr: "loam_gpu_utilisation_ratio{$s}", legend: "{{instance}} {{gpu}} computing" },
        { expr: "loam_gpu_memory_used_bytes{$s} / loam_gpu_memory_bytes{$s}", legend: "{{instance}} {{gpu}} memory" },
      ],
    },
    {
      title: "GPU temperature and power",
      description: "No data without a GPU.",
      unit: "short",
      queries: [
        { expr: "loam_gpu_temperature_celsius{$s}", legend: "{{instance}} {{gpu}} °C" },
        { expr: "loam_gpu_power_watts{$s}", legend: "{{instance}} {{gpu}} W" },
      ],
    },
  ],
};
