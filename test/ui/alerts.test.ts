/** Alerts in the bell: each once, newest first, and what nobody has seen yet. */
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc } from "../../agent/kernel/index.ts";
import type { Alert, MonitorJson } from "../../collector/api/query-shapes.ts";
import {
  alertsOf,
  alertWord,
  MAX_ALERTS,
  monitorTitle,
  NO_ALERTS,
  ofMonitors,
  withAlerts,
} from "../../ui/src/query/alerts.ts";

const h = (t: number) => ({ hlc: formatHlc((2 ** 49 + t) as Hlc), time: "" });
const alert = (id: string, from: number, more: Partial<Alert> = {}): Alert =>
  ({
    type: "alert",
    id,
    monitor: id.split("/")[0],
    event: "open",
    n: 1,
    row: { type: "row", query: 0, n: 1, from: h(from), to: null },
    ...more,
  }) as Alert;
const monitor = (id: string, alerts: readonly Alert[]): MonitorJson =>
  ({ id, name: null, rql: "SELECT  a\nFROM l", alerts }) as unknown as MonitorJson;
const ids = (list: { readonly alerts: readonly Alert[] }) => list.alerts.map(({ id }) => id);

describe("the list of alerts", () => {
  it("begins with what is kept, newest row first, none of it news", () => {
    const kept = alertsOf([
      monitor("m1", [alert("m1/1", 10), alert("m1/2", 90)]),
      monitor("m2", [alert("m2/1", 50)]),
    ]);
    const list = withAlerts(NO_ALERTS, kept, false);
    expect(ids(list)).toEqual(["m1/2", "m2/1", "m1/1"]);
    expect(list.unread.size).toBe(0);
  });

  it("takes news on top, once, however often it is told", () => {
    let list = withAlerts(NO_ALERTS, [alert("m1/1", 10)], false);
    list = withAlerts(list, [alert("m1/2", 5)], true);
    list = withAlerts(list, [alert("m1/2", 5), alert("m1/1", 10)], true);
    expect(ids(list)).toEqual(["m1/2", "m1/1"]);
    expect([...list.unread]).toEqual(["m1/2"]);
    expect(withAlerts(list, [alert("m1/2", 5)], true)).toBe(list);
  });

  it("is bounded, and forgets the alerts of a monitor that is no more", () => {
    const many = Array.from({ length: MAX_ALERTS + 5 }, (_, n) => alert(`m1/${n + 1}`, n));
    const list = withAlerts(NO_ALERTS, many, true);
    expect([list.alerts.length, list.unread.size]).toEqual([MAX_ALERTS, MAX_ALERTS]);
    expect(ids(list)[0]).toBe(`m1/${MAX_ALERTS + 5}`);
    expect(ofMonitors(list, new Set(["m2"]))).toEqual(NO_ALERTS);
    expect(ofMonitors(list, new Set(["m1"]))).toBe(list);
  });

  it("says what happened in a word, and calls a monitor without a name by its text", () => {
    const words = [
      {},
      { event: "close" },
      { event: "amend" },
      { event: "amend", row: null },
    ] as const;
    expect(words.map((more) => alertWord(alert("m1/1", 1, more)))).toEqual([
      ...["began", "ended", "amended", "withdrawn"],
    ]);
    expect(monitorTitle(monitor("m1", []))).toBe("SELECT a FROM l");
  });
});
