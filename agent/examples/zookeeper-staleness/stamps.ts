/**
 * Stamps through ZooKeeper, which has no headers: they travel in the data of a znode.
 *
 *     {"retroscope-hlc":"1-01a1fed6007b0a70-k3q.5f2-writer"}
 *
 * Where the data holds none, `merge` counts it, and the channel is reported as one without stamps.
 */
import type { Agent } from "retroscope";

/** The data for a znode about to be written: call it at the last moment. */
export function stampedData(agent: Agent): Buffer {
  const headers: Record<string, string> = {};
  agent.stamp(headers);
  return Buffer.from(JSON.stringify(headers));
}

/** Merges the stamp of a version that was read. Data that is not ours, or none at all, is a version without one. */
export function mergeStamp(agent: Agent, data: Buffer): void {
  agent.merge(headersOf(data));
}

function headersOf(data: Buffer): Record<string, unknown> {
  if (data.length === 0) return {};
  try {
    const value: unknown = JSON.parse(data.toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
