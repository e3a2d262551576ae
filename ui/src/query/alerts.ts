/**
 * Alerts of all monitors as one list, newest first. An alert has a stable id and never changes: told
 * twice (by the list of monitors and by the live stream) it stands here once. Its place is the order in
 * which it became known, since a repaired row may lie far back.
 */
import type { Alert, MonitorJson } from "../../../collector/api/query-shapes.ts";

/** Alerts in the list; the oldest go first. */
export const MAX_ALERTS = 200;

export interface AlertList {
  readonly alerts: readonly Alert[];
  /** Ids that nobody has looked at yet. */
  readonly unread: ReadonlySet<string>;
}

export const NO_ALERTS: AlertList = { alerts: [], unread: new Set() };

/** What a monitor is called where a person reads it. */
export function monitorTitle(monitor: Pick<MonitorJson, "name" | "rql">): string {
  return monitor.name ?? monitor.rql.replaceAll(/\s+/g, " ").slice(0, 80);
}

/** `isNews`: it was told just now, not found in what was kept before the page was opened. */
export function withAlerts(list: AlertList, told: readonly Alert[], isNews: boolean): AlertList {
  const known = new Set(list.alerts.map(({ id }) => id));
  const fresh = told.filter(({ id }) => !known.has(id) && known.add(id));
  if (fresh.length === 0) return list;
  const alerts = [...fresh.toReversed(), ...list.alerts].slice(0, MAX_ALERTS);
  const kept = new Set(alerts.map(({ id }) => id));
  const unread = [...list.unread, ...(isNews ? fresh.map(({ id }) => id) : [])];
  return { alerts, unread: new Set(unread.filter((id) => kept.has(id))) };
}

/** The alerts of all monitors, oldest row first, so that `withAlerts` puts the newest on top. */
export function alertsOf(monitors: readonly MonitorJson[]): readonly Alert[] {
  return monitors
    .flatMap(({ alerts }) => alerts)
    .map((alert, place) => ({ alert, place, at: rowTime(alert) }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.place - b.place))
    .map(({ alert }) => alert);
}

/** Without those of monitors that are no more. */
export function ofMonitors(list: AlertList, ids: ReadonlySet<string>): AlertList {
  const alerts = list.alerts.filter(({ monitor }) => ids.has(monitor));
  if (alerts.length === list.alerts.length) return list;
  const kept = new Set(alerts.map(({ id }) => id));
  return { alerts, unread: new Set([...list.unread].filter((id) => kept.has(id))) };
}

/** What happened, in a word. */
export function alertWord({ event, row }: Pick<Alert, "event" | "row">): string {
  if (row === null) return "withdrawn";
  return { open: "began", close: "ended", amend: "amended" }[event];
}

/** Text order of stamps is the order of time. A withdrawn row has none. */
function rowTime({ row }: Alert): string {
  if (row === null) return "";
  return "at" in row ? row.at.hlc : (row.to ?? row.from).hlc;
}
