/**
 * What an agent says of captures in its status, read with care: a status is whatever JSON it sent.
 * What is not understood is left out; it is for the agent's next version to say it again.
 */
import {
  type CaptureReport,
  type Hlc,
  MAX_CAPTURE_REPORTS,
  MAX_TRIGGERS,
  parseHlc,
} from "../../agent/kernel/index.ts";

const MAX_ID_LENGTH = 200;
/** Characters of a reason that are kept. */
export const MAX_REASON_LENGTH = 1_024;

/** A report with its times read. */
export interface ReportRead {
  readonly id: string;
  readonly state: CaptureReport["state"];
  readonly from?: Hlc;
  readonly to?: Hlc;
  readonly firstSeq?: number;
  readonly lastSeq?: number;
  readonly earliest?: Hlc;
}

export interface TriggerRead {
  readonly id: string;
  readonly t: Hlc;
  readonly reason: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Whether the node ships only when asked. */
export function isOnDemand(status: unknown): boolean {
  return fieldsOf(status)?.["stream"] === "on-demand";
}

/** The latest reports. */
export function reportsIn(status: unknown): ReportRead[] {
  return listIn(status, "captures", MAX_CAPTURE_REPORTS).flatMap(reportOf);
}

/** The latest triggers. */
export function triggersIn(status: unknown): TriggerRead[] {
  return listIn(status, "triggers", MAX_TRIGGERS).flatMap((fields) => {
    const { id, t: hex, reason } = fields;
    const t = timeOf(hex);
    if (!isId(id) || t === undefined) return [];
    const words = typeof reason === "string" ? reason.slice(0, MAX_REASON_LENGTH) : "";
    return [{ id, t, reason: words }];
  });
}

function reportOf(fields: Fields): ReportRead[] {
  const { id, state } = fields;
  if (!isId(id)) return [];
  if (state !== "shipped" && state !== "partial" && state !== "outside-window") return [];
  const from = timeOf(fields["from"]);
  const to = timeOf(fields["to"]);
  const earliest = timeOf(fields["earliest"]);
  const [firstSeq, lastSeq] = [fields["firstSeq"], fields["lastSeq"]];
  const hasSeqs = isSeq(firstSeq) && isSeq(lastSeq) && firstSeq <= lastSeq;
  return [
    {
      id,
      state,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(earliest === undefined ? {} : { earliest }),
      ...(hasSeqs ? { firstSeq, lastSeq } : {}),
    },
  ];
}

function listIn(status: unknown, name: string, most: number): Fields[] {
  const list = fieldsOf(status)?.[name];
  if (!Array.isArray(list)) return [];
  return list.slice(-most).flatMap((one: unknown): Fields[] => {
    const fields = fieldsOf(one);
    return fields === undefined ? [] : [fields];
  });
}

function fieldsOf(value: unknown): Fields | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Fields) : undefined;
}

function timeOf(value: unknown): Hlc | undefined {
  return typeof value === "string" ? parseHlc(value) : undefined;
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_ID_LENGTH;
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
